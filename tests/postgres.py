"""A private PostgreSQL for one run of the tests: its own folder and socket, gone afterwards."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# What a crash of the whole machine would lose is of no interest here, and the tests shall be quick.
_QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB", "listen_addresses=",
          "max_connections=100", "log_min_messages=fatal")


@dataclass
class Postgres:
    """A running server; ``folder`` holds its socket."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def address(self, database: str) -> str:
        """Return the address of a database."""
        return f"postgresql://stellwerk@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Make an empty database and return its address."""
        import psycopg

        name = f"t{next(self.numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)


def programs() -> Path | None:
    """Return the folder of the newest server on this machine, or None."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    beside = shutil.which("initdb")
    return found[-1].parent if found else Path(beside).parent if beside else None


@contextmanager
def running(binaries: Path) -> Iterator[Postgres]:
    """Run a server until the end of the block."""
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="stellwerk-postgres-"))
    try:
        rights: dict[str, object] = {"cwd": folder}
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
            rights |= {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        made = subprocess.run([binaries / "initdb", "-D", "data", "-U", "stellwerk", "-A", "trust", "-E", "UTF8",
                               "--locale=C.UTF-8", "--no-sync"], capture_output=True, text=True, check=False,
                              **rights)  # type: ignore[call-overload]
        assert made.returncode == 0, made.stderr
        settings = [part for setting in _QUICK for part in ("-c", setting)]
        with open(folder / "log", "wb") as log:
            server = subprocess.Popen([binaries / "postgres", "-D", "data", "-k", str(folder), *settings],
                                      stdout=log, stderr=log, **rights)  # type: ignore[call-overload]
        try:
            found = Postgres(folder)
            _wait(found, server)
            yield found
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd | None:
    # PostgreSQL does not run as root.
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return known.get("postgres") or known["nobody"]


def _wait(postgres: Postgres, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(postgres.address("postgres")).close()
            return
        except psycopg.OperationalError:
            assert server.poll() is None, (postgres.folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL does not start"
            time.sleep(0.02)
