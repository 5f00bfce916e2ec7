"""A server to bring things to, empty MLflow databases to bring them from, and the command line in this process."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Said
from tests.cli.transfer.old_mlflow import OldMlflow, make_tables
from tests.tracking.serving import Raw, Server, serving


@pytest.fixture(scope="session")
def shared_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("target") / "h", "sqlite") as server:
        yield server


@pytest.fixture
def target(shared_target: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server that the command line speaks to, as an admin."""
    monkeypatch.setenv("STELLWERK_URL", shared_target.url)
    monkeypatch.setenv("STELLWERK_TOKEN", shared_target.token("admin"))
    return shared_target


@pytest.fixture
def raw(target: Server) -> Raw:
    return target.raw()


@pytest.fixture(scope="session")
def empty_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with MLflow's own tables and nothing in them."""
    path = tmp_path_factory.mktemp("tables") / "mlflow.db"
    make_tables(f"sqlite:///{path}")
    return path


@pytest.fixture
def old(empty_tables: Path, tmp_path: Path) -> Iterator[OldMlflow]:
    """An MLflow database with nothing in it."""
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(empty_tables, folder / "mlflow.db")
    found = OldMlflow(f"sqlite:///{folder / 'mlflow.db'}", folder / "mlruns")
    yield found
    found.close()


Call = Callable[..., Said]
