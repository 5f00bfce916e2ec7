"""A server in this process, callers of two teams, and runs and models to give artifacts to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.testclient import TestClient

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.server import create_app
from stellwerk.features import experiments, identity, logged_models, runs
from stellwerk.infra.installation import Installation
from stellwerk.infra.settings import Home, Settings
from stellwerk.kernel.actor import SYSTEM, Actor

_NUMBERS = itertools.count(1)
LIMIT = 8 << 20
ALL = Actor("person", "ann", "Ann", permissions=frozenset({(None, "runs.read"), (None, "runs.write")}))
PLACES = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class Calls:
    """Calls of one caller."""

    client: TestClient
    headers: dict[str, str]

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request, its path as it stands; no answer is a fault of the server."""
        headers = {**self.headers, **more.pop("headers", {})}
        answer = self.client.request(method, path, headers=headers, **more)
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        return answer

    def put(self, place: str, content: Any = b"content", **more: Any) -> httpx.Response:
        """Put a file."""
        return self.send("PUT", f"{PLACES}/{quote(place)}", content=content, **more)

    def get(self, place: str, **headers: str) -> httpx.Response:
        """Get a file, with headers whose names are written with underscores."""
        return self.send("GET", f"{PLACES}/{quote(place)}",
                         headers={name.replace("_", "-"): value for name, value in headers.items()})

    def names(self, place: str) -> list[str]:
        """Return what a listing shows, folders with a slash."""
        answer = self.send("GET", PLACES, params={"path": place})
        assert answer.status_code == 200, answer.text
        return [one["path"] + "/" * one["is_dir"] for one in answer.json().get("files", ())]


@dataclass
class Site:
    """One installation and what callers of it do."""

    installation: Installation
    client: TestClient

    def caller(self, role: str = "builder", team: str | None = None) -> Calls:
        """Return calls with a new token."""
        with self.installation.database.write(SYSTEM) as work:
            made = identity.create_token(work, f"t{next(_NUMBERS)}", role, team=team)
        return Calls(self.client, {"Authorization": f"Bearer {made.secret.reveal()}"})

    def run(self, experiment_id: int = 0) -> str:
        """Return the root of a new run, as clients say it."""
        made = self.installation.tracking.write(lambda st: runs.create_run(st, ALL, experiment_id))
        return f"{experiment_id}/{made.id}/artifacts"

    def model(self) -> str:
        """Return the root of a new logged model."""
        made = self.installation.tracking.write(lambda st: logged_models.create_model(st, ALL, 0))
        return f"0/models/{made.id}/artifacts"

    def experiment(self, team: str) -> int:
        """Return the number of a new experiment of a team."""
        owner = Actor("person", team, team, permissions=frozenset({(team, "runs.read"), (team, "runs.write")}))
        made = self.installation.tracking.write(
            lambda st: experiments.create_experiment(st, owner, f"of {team} {next(_NUMBERS)}"))
        return made.id

    def files(self) -> list[str]:
        """Return every file that holds bytes of someone: objects, and what is under way."""
        home = self.installation.home
        return sorted(str(path.relative_to(home.path)) for folder in (home.objects, home.work)
                      for path in folder.rglob("*") if path.is_file())


def new_site(home: Home) -> Site:
    """Return an installation on a new home."""
    prepare_home(home.path)
    app = create_app(home, Settings(artifact_bytes=LIMIT))
    return Site(app.state.context.installation, TestClient(app, base_url="http://localhost"))


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The installation that tests share."""
    made = new_site(Home(tmp_path_factory.mktemp("artifacts") / "home"))
    yield made
    made.installation.tracking.close()
    made.installation.database.close()


@pytest.fixture(scope="package")
def calls(site: Site) -> Calls:
    """Calls of a builder."""
    return site.caller()


@pytest.fixture
def root(site: Site) -> str:
    """The root of a new run."""
    return site.run()


def run_id(root: str) -> str:
    """Return the run or model of a root."""
    return root.split("/")[-2]
