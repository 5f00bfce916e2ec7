"""A home with runs, made once and copied, and visitors who are signed in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import Sample, Visit, Visitor, empty, visit_of
from tools.sample_home import SampleHome
from tools.sample_tracking import fill_tracking

__all__ = ["empty"]


@pytest.fixture(scope="session")
def tracked_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("tracked") / "home"
    home = SampleHome(folder)
    ids = fill_tracking(home.installation)
    home.installation.tracking.close()
    home.installation.database.close()
    return folder, ids


@pytest.fixture
def tracked(tracked_once: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Sample]:
    folder, ids = tracked_once
    shutil.copytree(folder, tmp_path / "home")
    home = SampleHome(tmp_path / "home", known=True)
    yield Sample(home, ids)
    home.installation.tracking.close()
    home.installation.database.close()


@pytest.fixture
def visit(tracked: Sample, monkeypatch: pytest.MonkeyPatch) -> Visit:
    return visit_of(tracked, monkeypatch)


@pytest.fixture
def ben(visit: Visit) -> Visitor:
    return visit("ben")
