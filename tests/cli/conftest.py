"""The command line called in this process, and a server whose answers a test sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stellwerk.cli.app import invoke
from tests.client.fake_server import FakeServer
from tests.features.releases.conftest import CODE, CONTRACT, MANIFEST


@dataclass(frozen=True)
class Said:
    """What one call of the command line said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URL", "GATEWAY_URL", "TOKEN", "HOME", "DEBUG"):
        monkeypatch.delenv(f"STELLWERK_{name}", raising=False)
    monkeypatch.setenv("STELLWERK_HOME", str(tmp_path / "home"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    def run(*words: str) -> Said:
        try:
            code = invoke(list(words))
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)
    return run


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    made = FakeServer()
    monkeypatch.setenv("STELLWERK_URL", made.url)
    monkeypatch.setenv("STELLWERK_GATEWAY_URL", made.url)
    monkeypatch.setenv("STELLWERK_TOKEN", "stw_test")
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A service with a data file, as ``new`` would write one."""
    root = tmp_path / "small"
    (root / "data").mkdir(parents=True)
    (root / "stellwerk.yaml").write_text(MANIFEST)
    (root / "rows.odcs.yaml").write_text(CONTRACT)
    (root / "service.py").write_text(CODE)
    (root / "data" / "rows.csv").write_text("id,income,region,group,good\n1,10,a,x,yes\n")
    return root
