"""Fixtures for tests of pages: a home with sample content, made once and copied, and visitors who are signed in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from stellwerk.apps.server import create_app
from stellwerk.features.identity import make_link, sessions
from stellwerk.features.identity.attempts import Attempts
from stellwerk.infra.settings import Home, Settings
from stellwerk.kernel.actor import SYSTEM
from tools.sample_home import SampleHome, fill

ORIGIN = {"Origin": "http://localhost"}


@dataclass
class Sample:
    """A home with sample content, and the ids that ``fill`` gave."""

    home: SampleHome
    ids: dict[str, str]

    @property
    def path(self) -> Path:
        return self.home.installation.home.path


class Visitor:
    """A browser without a browser: a session cookie and the CSRF token of the last page."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.csrf = ""

    def get(self, address: str) -> httpx.Response:
        answer = self.client.get(address, headers={"Accept": "text/html"})
        found = re.search(r'name="csrf_token" value="([^"]+)"', answer.text)
        self.csrf = found.group(1) if found else self.csrf
        return answer

    def post(self, address: str, **fields: Any) -> httpx.Response:
        return self.client.post(address, data={"csrf_token": self.csrf, **fields},
                                headers={"Accept": "text/html", **ORIGIN})


Visit = Callable[[str], Visitor]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("sample") / "home"
    home = SampleHome(folder)
    ids = fill(home)
    home.installation.database.close()
    return folder, ids


@pytest.fixture
def sample(made_once: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Sample]:
    folder, ids = made_once
    shutil.copytree(folder, tmp_path / "home")
    home = SampleHome(tmp_path / "home", known=True)
    yield Sample(home, ids)
    home.installation.database.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Sample]:
    home = SampleHome(tmp_path / "home")
    yield Sample(home, {})
    home.installation.database.close()


def visit_of(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Return a function that signs a person in by a one-time link."""
    monkeypatch.setattr(sessions, "_attempts", Attempts())
    app = create_app(Home(sample.path), Settings())

    def enter(person: str) -> Visitor:
        with sample.home.installation.database.write(SYSTEM) as work:
            secret = make_link(work, person).reveal()
        client = TestClient(app, base_url="http://localhost", follow_redirects=False)
        assert client.post("/sign-in/link", data={"secret": secret}, headers=ORIGIN).status_code == 303
        return Visitor(client)

    return enter


@pytest.fixture
def visit(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> Visit:
    return visit_of(sample, monkeypatch)
