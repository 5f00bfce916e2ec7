"""The two servers as processes: started, waited for, weighed, stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.gateway import free_port
from bench.tracking.client import Client, WrongAnswer
from bench.tracking.environment import peer_environment

PATIENCE = 180.0


@dataclass
class Server:
    """One server: how it is started, and the process while it runs."""

    name: str
    folder: Path
    command: list[str]
    port: int
    token: str | None = None
    more: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        """The folder of our server's data."""
        return self.folder / "home"

    def client(self) -> Client:
        """Return a client of this server."""
        return Client(self.port, self.token)

    def start(self) -> float:
        """Start the server; returns the seconds until its first good answer."""
        began = time.perf_counter()
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, cwd=self.folder, stdout=log, stderr=log,
                                            env={**os.environ, **self.more}, start_new_session=True)
        while time.perf_counter() - began < PATIENCE:
            if self.process.poll() is not None:
                break
            client = Client(self.port, self.token)
            try:
                client.post("experiments/search", {"max_results": 1})
                return time.perf_counter() - began
            except (OSError, WrongAnswer):
                time.sleep(0.01)
            finally:
                client.close()
        self.stop()
        raise SystemExit(f"bench: {self.name} gave no good answer:\n"
                         + (self.folder / "server.log").read_text(errors="replace")[-4000:])

    def stop(self) -> None:
        """Stop the server and every process it started."""
        if self.process is None:
            return
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=30)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def memory_mb(self) -> float:
        """Return the proportional memory of the whole process tree in MB."""
        assert self.process is not None
        return sum(_pss_kb(pid) for pid in tree(self.process.pid)) / 1024


def peer(folder: Path) -> Server:
    """Return the stock server with its defaults: SQLite in its folder, its own number of workers."""
    folder.mkdir(parents=True)
    port = free_port()
    return Server("mlflow server", folder, [str(peer_environment() / "bin" / "mlflow"), "server", "--port", str(port)],
                  port, more={"MLFLOW_DISABLE_TELEMETRY": "true"})


def ours(folder: Path, database: str | None = None) -> Server:
    """Return our server on a prepared home; ``database`` is the address of a PostgreSQL for the tracking data."""
    from stellwerk.apps.prepare import prepare_home
    from stellwerk.features import identity
    from stellwerk.infra.database import Database
    from stellwerk.infra.settings import Home
    from stellwerk.kernel.actor import SYSTEM

    more = {} if database is None else {"STELLWERK_TRACKING_DATABASE": database}
    folder.mkdir(parents=True)
    home = Home(folder / "home")
    with _environment(more):
        prepare_home(home.path)
        opened = Database(home.control)
        with opened.write(SYSTEM) as work:
            made = identity.create_token(work, "bench", "admin")
        opened.close()
    port = free_port()
    command = [sys.executable, "-m", "stellwerk.apps.server", "--home", str(home.path), "--port", str(port)]
    return Server("stellwerk", folder, command, port, made.secret.reveal(), more)


@contextlib.contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(more)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def tree(root: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _pss_kb(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
