"""A private PostgreSQL for one run of a bench: its own folder, its own port, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.gateway import free_port

_USERS = ("postgres", "nobody")


@dataclass(frozen=True)
class Postgres:
    """A running PostgreSQL."""

    address: str
    folder: Path


def binaries() -> Path:
    """Return the folder of the newest PostgreSQL on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    beside = shutil.which("initdb")
    if beside is None:
        sys.exit("bench: there is no PostgreSQL here; as root: apt-get install postgresql")
    return Path(beside).parent


@contextlib.contextmanager
def private() -> Iterator[Postgres]:
    """Run a PostgreSQL with its defaults until the end of the block."""
    programs, user = binaries(), _user()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-postgres-") as place:
        folder = Path(place)
        if user:
            shutil.chown(folder, user)
        _as(user, [str(programs / "initdb"), "-D", f"{folder}/data", "-U", "bench", "-A", "trust", "-E", "UTF8",
                   "--no-locale"], folder)
        server = subprocess.Popen(
            [*_prefix(user), str(programs / "postgres"), "-D", f"{folder}/data", "-p", str(port), "-k", str(folder),
             "-c", "listen_addresses=127.0.0.1"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait(programs, port, server)
            _as(user, [str(programs / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "tracking"],
                folder)
            yield Postgres(f"postgresql://bench@127.0.0.1:{port}/tracking", folder / "data")
        finally:
            # The fast shutdown: the one of SIGTERM waits for connections to end by themselves.
            server.send_signal(signal.SIGINT)
            server.wait(timeout=60)


def _user() -> str | None:
    # PostgreSQL does not run as root.
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _USERS if name in known)


def _prefix(user: str | None) -> list[str]:
    if user is None:
        return []
    entry = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups"]


def _as(user: str | None, command: list[str], folder: Path) -> None:
    done = subprocess.run([*_prefix(user), *command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {command[0]} failed: {done.stderr[-2000:]}")


def _wait(programs: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    while time.monotonic() < until and server.poll() is None:
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.05)
    sys.exit("bench: PostgreSQL does not start")
