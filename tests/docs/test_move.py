"""The commands of docs/move-from-mlflow.md work as they stand, with the stock client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.running import run_page

pytestmark = pytest.mark.slow


def test_every_command_works_in_order(tmp_path: Path) -> None:
    printed = run_page("move-from-mlflow.md", tmp_path)
    assert printed.count("the same on both sides") == 2
    assert "True 2" in printed
    assert "all went well" in printed
    assert "refused, as it should be" in printed
