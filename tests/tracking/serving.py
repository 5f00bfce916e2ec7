"""A server process on a home of its own, and calls to it as they stand on the wire."""

from __future__ import annotations

import itertools
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from stellwerk.apps.prepare import prepare_home
from stellwerk.features import identity
from stellwerk.infra.database import Database
from stellwerk.infra.settings import Home
from stellwerk.kernel.actor import SYSTEM

_NAMES = itertools.count(1)


@dataclass
class Server:
    """An installation and the process that serves it; ``kind`` says which database keeps tracking."""

    home: Path
    kind: str
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    tokens: dict[tuple[str, str | None], str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        with socket.socket() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", self.port))
            self.port = listening.getsockname()[1]
            with open(self.home / "server.log", "ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "stellwerk.apps.server", "--home", str(self.home), "--fd",
                     str(listening.fileno())], pass_fds=[listening.fileno()], stdout=log, stderr=log)
        until, client = time.monotonic() + 60, plain_client(self.url)
        while True:
            try:
                if client.get("/health", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until, "the server does not start"
            time.sleep(0.02)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process."""
        assert self.process is not None
        self.process.send_signal(how)
        self.process.wait(timeout=30)

    def log(self) -> str:
        """Return what the process wrote."""
        return (self.home / "server.log").read_text()

    def token(self, role: str, team: str | None = None) -> str:
        """Return a token of a role, made on the first call."""
        if (role, team) not in self.tokens:
            database = Database(Home(self.home).control)
            with database.write(SYSTEM) as work:
                made = identity.create_token(work, f"{role}-{next(_NAMES)}", role, team=team)
            database.close()
            self.tokens[role, team] = made.secret.reveal()
        return self.tokens[role, team]

    def raw(self, role: str = "admin", team: str | None = None) -> Raw:
        """Return a client for calls by hand."""
        return Raw(self.url, {"Authorization": f"Bearer {self.token(role, team)}"})


@contextmanager
def serving(home: Path, kind: str, database: str = "", **settings: int) -> Iterator[Server]:
    """Prepare a home and serve it until the end of the block."""
    home.mkdir(parents=True, exist_ok=True)
    lines = [f"{name} = {json.dumps(value)}" for name, value in {"tracking_database": database, **settings}.items()]
    (home / "stellwerk.toml").write_text("\n".join(lines))
    prepare_home(home)
    server = Server(home, kind)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill(signal.SIGTERM)


def plain_client(url: str, headers: dict[str, str] | None = None) -> httpx.Client:
    """Return a client that reads no certificates, which would take longer than many a test."""
    return httpx.Client(base_url=url, headers=headers, timeout=30, verify=False, trust_env=False)


class Raw:
    """Calls by path below ``/api/2.0/mlflow/``, or by whole path where it starts with a slash."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.http = plain_client(url, headers)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Send a request and return the response, whatever it is; checks what holds for every answer."""
        answer = self.http.request(method, path if path.startswith("/") else f"/api/2.0/mlflow/{path}", **request)
        assert answer.status_code < 500, f"{method} {path} {request}: {answer.text}"
        assert "Traceback" not in answer.text
        if answer.status_code >= 400 and method != "HEAD":
            error = answer.json()
            assert isinstance(error["error_code"], str), error
            assert isinstance(error["message"], str), error
        return answer

    def post(self, path: str, **body: Any) -> Any:
        """Send a body and return what is answered."""
        return self._done(self.send("POST", path, json=body))

    def get(self, path: str, **query: Any) -> Any:
        """Ask and return what is answered."""
        return self._done(self.send("GET", path, params=query))

    def refused(self, path: str, status: int = 400, code: str = "INVALID_PARAMETER_VALUE", /, *, method: str = "POST",
                **body: Any) -> str:
        """Send what is refused; returns the message."""
        answer = self.send(method, path, **({"params": body} if method == "GET" else {"json": body}))
        assert (answer.status_code, answer.json().get("error_code")) == (status, code), answer.text
        message: str = answer.json()["message"]
        return message

    @staticmethod
    def _done(answer: httpx.Response) -> Any:
        assert answer.status_code == 200, answer.text
        return answer.json()

    def experiment(self, name: str | None = None, **more: Any) -> str:
        """Make an experiment and return its id."""
        made: str = self.post("experiments/create", name=name or unique("e"), **more)["experiment_id"]
        return made

    def run(self, experiment: str, **more: Any) -> str:
        """Open a run and return its id."""
        made: str = self.post("runs/create", experiment_id=experiment, **more)["run"]["info"]["run_id"]
        return made

    def data(self, run_id: str) -> dict[str, Any]:
        """Return what a run logged: (metrics, params, tags) as objects by key."""
        data = self.get("runs/get", run_id=run_id)["run"]["data"]
        return {kind: {one["key"]: one["value"] for one in data.get(kind, ())} for kind in (
            "metrics", "params", "tags")}


def unique(word: str) -> str:
    """Return a name that no other test of this process has."""
    return f"{word}-{next(_NAMES)}"
