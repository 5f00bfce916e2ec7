"""The commands of docs/track.md work as they stand, with the stock client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.running import run_page

pytestmark = pytest.mark.slow


def test_every_command_works_in_order(tmp_path: Path) -> None:
    printed = run_page("track.md", tmp_path)
    assert "best run:" in printed
    assert "answers now: 1" in printed
    assert "refused:" in printed
