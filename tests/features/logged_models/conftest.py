"""An installation in this process, its tracking database on SQLite, and callers of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.server import create_app
from stellwerk.infra.installation import Installation
from stellwerk.infra.settings import Home, Settings


@pytest.fixture(scope="package")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, TestClient]]:
    home = Home(tmp_path_factory.mktemp("models") / "home")
    prepare_home(home.path)
    app = create_app(home, Settings())
    installation: Installation = app.state.context.installation
    yield installation, TestClient(app, base_url="http://localhost")
    installation.tracking.close()
    installation.database.close()


@pytest.fixture
def installation(application: tuple[Installation, TestClient]) -> Installation:
    """The installation that tests share; each makes its own experiments."""
    return application[0]
