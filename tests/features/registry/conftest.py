"""A tracking database of either kind, a server in this process, and people of two teams."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.server import create_app
from stellwerk.apps.tracking_schema import first_rows, metadata
from stellwerk.features import experiments, identity, logged_models, registry, runs
from stellwerk.features.identity.permissions import permissions_of
from stellwerk.infra.database import Database
from stellwerk.infra.settings import Home, Settings
from stellwerk.infra.tracking_database import TrackingDatabase, open_tracking
from stellwerk.infra.tracking_database.prepare import prepare_tracking
from stellwerk.kernel.actor import SYSTEM, Actor
from stellwerk.kernel.secret import Secret

BACKENDS = ("sqlite", "postgres")
_NUMBERS = itertools.count(1)


def person(name: str, *roles: tuple[str | None, str]) -> Actor:
    return Actor("person", name, name.title(), roles=frozenset(roles), permissions=permissions_of(roles))


ANN = person("ann", (None, "admin"))
LENA = person("lena", ("lending", "builder"))
LUKE = person("luke", ("lending", "viewer"))
CARA = person("cara", ("cards", "builder"))


def unique(word: str) -> str:
    return f"{word}-{next(_NUMBERS)}"


@pytest.fixture(scope="session", params=BACKENDS)
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingDatabase]:
    """A database of each kind in turn; tests of one run share it."""
    file = tmp_path_factory.mktemp("registry") / "tracking.sqlite"
    address = None
    if request.param == "postgres":
        address = Secret(request.getfixturevalue("postgres").new_database())
    prepare_tracking(address, file, metadata, first_rows)
    opened = open_tracking(address, file)
    yield opened
    opened.close()


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[TrackingDatabase]:
    """A SQLite database of this test alone."""
    prepare_tracking(None, tmp_path / "tracking.sqlite", metadata, first_rows)
    opened = open_tracking(None, tmp_path / "tracking.sqlite")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def nobody_else() -> Iterator[None]:
    """Leave guards and listeners as they were."""
    before = list(registry.GUARDS), list(registry.LISTENERS)
    yield
    registry.GUARDS[:], registry.LISTENERS[:] = before


def a_run(tracking: TrackingDatabase, actor: Actor = ANN) -> runs.Run:
    """Open a run in an experiment of its own."""
    def make(st: Any) -> runs.Run:
        return runs.create_run(st, actor, experiments.create_experiment(st, actor, unique("e")).id)
    return tracking.write(make)


def a_logged_model(tracking: TrackingDatabase, actor: Actor = ANN, run_id: str = "") -> logged_models.LoggedModel:
    """Make a logged model in an experiment of its own."""
    def make(st: Any) -> logged_models.LoggedModel:
        made = experiments.create_experiment(st, actor, unique("e"))
        return logged_models.create_model(st, actor, made.id, source_run_id=run_id)
    return tracking.write(make)


def a_model(tracking: TrackingDatabase, actor: Actor = ANN, versions: int = 0, **more: Any) -> str:
    """Register a model with so many versions and return its name."""
    name = more.pop("name", None) or unique("m")
    tracking.write(lambda st: registry.create_model(st, actor, name, **more))
    if versions:
        source = f"runs:/{a_run(tracking, actor).id}/model"
        for _ in range(versions):
            tracking.write(lambda st: registry.create_version(st, actor, name, source))
    return name


@dataclass
class Calls:
    """Calls of one caller."""

    client: TestClient
    headers: dict[str, str]

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request; no answer is a fault of the server."""
        answer = self.client.request(method, path if path.startswith("/") else f"/api/2.0/mlflow/{path}",
                                     headers=self.headers, **more)
        assert answer.status_code < 500, answer.text
        return answer

    def ok(self, method: str, path: str, **body: Any) -> Any:
        """Send what is answered and return the answer."""
        answer = self.send(method, path, **({"params": body} if method == "GET" else {"json": body}))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, status: int = 400, code: str = "INVALID_PARAMETER_VALUE", /,
                **body: Any) -> str:
        """Send what is refused and return the message."""
        answer = self.send(method, path, **({"params": body} if method == "GET" else {"json": body}))
        assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
        message: str = answer.json()["message"]
        return message


Caller = Callable[..., Calls]


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Give the calls of somebody with a role, in a team or in none."""
    path = tmp_path_factory.mktemp("home") / "h"
    prepare_home(path)
    home = Home(path)
    app = create_app(home, Settings())
    database = Database(home.control)

    def make(role: str = "admin", team: str | None = None) -> Calls:
        with database.write(SYSTEM) as work:
            made = identity.create_token(work, unique("token"), role, team=team)
        return Calls(client, {"Authorization": f"Bearer {made.secret.reveal()}"})

    client = TestClient(app, base_url="http://localhost")
    yield make
    database.close()
    app.state.context.installation.tracking.close()
