"""One server on SQLite and one on PostgreSQL for all tests here; each test makes its own experiments."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

import pytest

# Before the client is imported: it calls nobody but the server under test, and hides no error by trying again.
os.environ.update({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
                   "MLFLOW_ENABLE_ASYNC_LOGGING": "false", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
                   "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false", "GIT_PYTHON_REFRESH": "quiet"})

import mlflow
from mlflow import MlflowClient

from tests.postgres import programs
from tests.tracking.serving import Raw, Server, serving

BACKENDS = ("sqlite", "postgres")


class Start(Protocol):
    """Starts another server of the same kind, with an empty database."""

    def __call__(self, home: Path, **settings: int) -> AbstractContextManager[Server]: ...


@pytest.fixture(params=BACKENDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which database keeps tracking."""
    found: str = request.param
    return found


@pytest.fixture
def start(kind: str, request: pytest.FixtureRequest) -> Start:
    database = request.getfixturevalue("postgres").new_database if kind == "postgres" else str
    return lambda home, **settings: serving(home, kind, database(), **settings)


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest) -> Iterator[tuple[ExitStack, dict[str, Server]]]:
    """The servers that run already, by kind; they end with the session, in whatever order tests come."""
    if programs() is not None:
        request.getfixturevalue("postgres")  # which shall end after the servers that use it
    known: dict[str, Server] = {}
    with ExitStack() as stack:
        yield stack, known
        # Whatever a test looked at: no server met an error that it did not expect.
        for served in known.values():
            unexpected = [line for line in served.log().splitlines() if "unexpected error" in line or "Traceback" in line]
            assert unexpected == []


@pytest.fixture
def server(kind: str, start: Start, shared: tuple[ExitStack, dict[str, Server]],
           tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The server that tests share."""
    stack, known = shared
    if kind not in known:
        known[kind] = stack.enter_context(start(tmp_path_factory.mktemp("home") / "h"))
    return known[kind]


@pytest.fixture
def raw(server: Server) -> Raw:
    """Calls by hand, as an admin."""
    return server.raw()


@pytest.fixture
def client(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    """The stock client; the fluent functions of ``mlflow`` speak to the same server."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token("builder"))
    mlflow.set_tracking_uri(server.url)
    mlflow.set_registry_uri(server.url)
    yield MlflowClient(server.url, server.url)
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def experiment(raw: Raw) -> str:
    """The id of a new experiment."""
    return raw.experiment()
