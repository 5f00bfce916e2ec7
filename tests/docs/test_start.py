"""The commands of docs/start.md work as they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.running import run_page

pytestmark = pytest.mark.slow


def test_every_command_works_in_order(tmp_path: Path) -> None:
    printed = run_page("start.md", tmp_path)
    assert "VERIFIED" in printed
    assert "live" in printed
