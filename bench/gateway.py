"""The gateway with ``sync`` and ``buffered`` records against a bare FastAPI endpoint and the floor, in one run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.load import Load, drive
from bench.peers import example, fitted
from stellwerk.dataplane.snapshot import FORMAT, Field, Revision, Route, Snapshot, TokenEntry, publish
from stellwerk.infra.objects import ObjectStore
from stellwerk.infra.settings import Home
from stellwerk_runner.compile import compile_model

TOKEN = "bench-token"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cell:
    """One server under one load."""

    load: Load
    cpu_us: float
    pss_mb: float


def make_home(folder: Path) -> Home:
    """Make a home with one model live under two services: records ``sync`` and ``buffered``."""
    home = Home(folder)
    home.make()
    model, names = fitted()
    inputs = [{"name": name, "type": "number"} for name in names]
    digest = ObjectStore(home.objects).put_bytes(compile_model(model, inputs, 1))
    fields = [Field(name=name, type="number") for name in names]
    revisions = [Revision(id=f"r-{mode}", service=mode, version=1, model=digest, inputs=fields, threshold=0.5,
                          below="reject") for mode in ("sync", "buffered")]
    publish(home.snapshots, Snapshot(
        format=FORMAT, generation=1, published_at=0, revisions=revisions, hosts=["localhost", "127.0.0.1"],
        routes=[Route(service="sync", team="t", champion="r-sync", mode="sync"),
                Route(service="buffered", team="t", champion="r-buffered", mode="buffered")],
        tokens=[TokenEntry(sha256=hashlib.sha256(TOKEN.encode()).hexdigest(), id="t", name="bench")]))
    return home


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def server(arguments: list[str], port: int) -> Iterator[int]:
    """Run a server process until the end of the block; yields its process id."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", *arguments], stderr=subprocess.DEVNULL, env=environment)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a process has used."""
    words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def pss_mb(pid: int) -> float:
    """Return the proportional memory of a process in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def measure(pid: int, port: int, path: str, body: bytes, headers: dict[str, str], connections: int,
            seconds: float) -> Cell:
    """Warm a server up, load it, and return what it did and used."""
    drive(port, path, body, headers, connections, 0.5)
    before = cpu_seconds(pid)
    load = drive(port, path, body, headers, connections, seconds)
    return Cell(load, (cpu_seconds(pid) - before) * 1e6 / load.requests, pss_mb(pid))


def commit_ms(folder: Path) -> float:
    """Return the median milliseconds of a SQLite commit of one row with synchronous=FULL: the floor of ``sync``."""
    connection = sqlite3.connect(folder / "floor.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (a TEXT)")
    times = []
    for _ in range(300):
        started = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (?)", ("x" * 700,))
        times.append(time.perf_counter() - started)
    connection.close()
    return sorted(times)[150] * 1000


def main(seconds: float) -> None:
    """Measure all cells and print them with their ratios."""
    row = example()
    ours = json.dumps({"inputs": row}).encode()
    theirs = json.dumps(row).encode()
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    with tempfile.TemporaryDirectory() as place:
        home = make_home(Path(place) / "home")
        ports = [free_port() for _ in range(3)]
        with (server(["stellwerk.gateway", "--home", str(home.path), "--port", str(ports[0])], ports[0]) as gateway,
              server(["bench.peers", "fastapi", str(ports[1])], ports[1]) as peer,
              server(["bench.peers", "floor", str(ports[2])], ports[2]) as bare):
            _wait_for_peer(ports[1], theirs)
            for connections in (1, 32):
                cells = {
                    "gateway, sync record": measure(gateway, ports[0], "/v1/services/sync/decisions", ours, bearer,
                                                    connections, seconds),
                    "gateway, buffered record": measure(gateway, ports[0], "/v1/services/buffered/decisions", ours,
                                                        bearer, connections, seconds),
                    "FastAPI + scikit-learn, no record": measure(peer, ports[1], "/predict", theirs, {}, connections,
                                                                 seconds),
                    "floor: ASGI, constant answer": measure(bare, ports[2], "/", ours, {}, connections, seconds),
                }
                _print(connections, cells)
        print(f"\nfloor: one SQLite commit, synchronous=FULL: {commit_ms(Path(place)):.2f} ms")


def _wait_for_peer(port: int, body: bytes) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", data=body,
                                         headers={"Content-Type": "application/json"})
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5):
            return
        time.sleep(0.05)


def _print(connections: int, cells: dict[str, Cell]) -> None:
    peer = cells["FastAPI + scikit-learn, no record"]
    print(f"\n{connections} connection{'s' if connections > 1 else ''}, one row of 30 numbers")
    print(f"{'server':<36}{'requests/s':>11}{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>8}{'PSS MB':>8}{'to FastAPI':>12}")
    for name, cell in cells.items():
        ratio = cell.load.per_second / peer.load.per_second
        print(f"{name:<36}{cell.load.per_second:>11,.0f}{cell.load.p50_ms:>8.2f}{cell.load.p99_ms:>8.2f}"
              f"{cell.cpu_us:>8.0f}{cell.pss_mb:>8.0f}{ratio:>11.2f}x")
