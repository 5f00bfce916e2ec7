"""The gateway, records kept, against a bare FastAPI endpoint and the floors, in rounds of one run."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.load import Load, drive
from bench.peers import example, fitted
from stellwerk.dataplane.snapshot import FORMAT, Field, Revision, Route, Snapshot, TokenEntry, publish
from stellwerk.infra.objects import ObjectStore
from stellwerk.infra.settings import Home
from stellwerk_runner.compile import compile_model

TOKEN = "bench-token"
PEERS = ("FastAPI def, no record", "FastAPI async def, no record")
_RECORD_BYTES = 700
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
    with contextlib.closing(sqlite3.connect(folder / "floor.sqlite", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS t (a TEXT)")
        return _median_ms(lambda: connection.execute("INSERT INTO t VALUES (?)", ("x" * _RECORD_BYTES,)))


def fdatasync_ms(folder: Path) -> float:
    """Return the median milliseconds of an append and fdatasync to a plain file: the floor of the disk itself."""
    descriptor = os.open(folder / "floor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def append() -> None:
        os.write(descriptor, b"x" * _RECORD_BYTES)
        os.fdatasync(descriptor)

    try:
        return _median_ms(append)
    finally:
        os.close(descriptor)


def _median_ms(step: Callable[[], object], times: int = 200) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        step()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def main(seconds: float, rounds: int) -> None:
    """Measure all cells in turn, round after round, and print the median of each with its ratio."""
    row = example()
    ours, theirs = json.dumps({"inputs": row}).encode(), json.dumps(row).encode()
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    print(f"{os.cpu_count()} CPUs, load before {os.getloadavg()[0]:.1f}; generator: bench/load.py, its own process; "
          f"medians of {rounds} rounds of {seconds:g} s a cell")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        home = make_home(folder / "home")
        ports = [free_port() for _ in range(4)]
        disk = [(fdatasync_ms(folder), commit_ms(folder))]
        with (server(["stellwerk.gateway", "--home", str(home.path), "--port", str(ports[0])], ports[0]) as gateway,
              server(["bench.peers", "fastapi", str(ports[1])], ports[1]) as peer,
              server(["bench.peers", "fastapi-async", str(ports[2])], ports[2]) as other,
              server(["bench.peers", "floor", str(ports[3])], ports[3]) as bare):
            for port in ports[1:3]:
                _wait_for_peer(port, theirs)
            targets = {
                "gateway, sync record": (gateway, ports[0], "/v1/services/sync/decisions", ours, bearer),
                "gateway, buffered record": (gateway, ports[0], "/v1/services/buffered/decisions", ours, bearer),
                PEERS[0]: (peer, ports[1], "/predict", theirs, {}),
                PEERS[1]: (other, ports[2], "/predict", theirs, {}),
                "floor: ASGI, constant answer": (bare, ports[3], "/", ours, {})}
            for connections in (1, 32):
                taken: dict[str, list[Cell]] = {name: [] for name in targets}
                for _ in range(rounds):
                    for name, target in targets.items():
                        taken[name].append(measure(*target, connections, seconds))
                _print(connections, {name: median_cell(cells) for name, cells in taken.items()})
        disk.append((fdatasync_ms(folder), commit_ms(folder)))
    print(f"\nfloor of the disk, before and after: append + fdatasync {disk[0][0]:.2f} and {disk[1][0]:.2f} ms, "
          f"SQLite commit with synchronous=FULL {disk[0][1]:.2f} and {disk[1][1]:.2f} ms")
    print(f"load after {os.getloadavg()[0]:.1f}\n* to the faster FastAPI form of the same table")


def median_cell(cells: Sequence[Cell]) -> Cell:
    """Return the median of each figure over the rounds."""
    def middle(figure: Callable[[Cell], float]) -> float:
        return statistics.median(map(figure, cells))

    load = Load(requests=sum(cell.load.requests for cell in cells),
                per_second=middle(lambda cell: cell.load.per_second),
                p50_ms=middle(lambda cell: cell.load.p50_ms), p99_ms=middle(lambda cell: cell.load.p99_ms))
    return Cell(load, middle(lambda cell: cell.cpu_us), middle(lambda cell: cell.pss_mb))


def _wait_for_peer(port: int, body: bytes) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", data=body,
                                         headers={"Content-Type": "application/json"})
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=5):
            return
        time.sleep(0.05)


def _print(connections: int, cells: dict[str, Cell]) -> None:
    # Against the faster of the two forms: a ratio to the slower one would flatter.
    best = max(cells[name].load.per_second for name in PEERS)
    print(f"\n{connections} connection{'s' if connections > 1 else ''}, one row of 30 numbers")
    print(f"{'server':<36}{'requests/s':>11}{'p50 ms':>8}{'p99 ms':>8}{'CPU us':>8}{'PSS MB':>8}{'to FastAPI*':>13}")
    for name, cell in cells.items():
        ratio = cell.load.per_second / best
        print(f"{name:<36}{cell.load.per_second:>11,.0f}{cell.load.p50_ms:>8.2f}{cell.load.p99_ms:>8.2f}"
              f"{cell.cpu_us:>8.0f}{cell.pss_mb:>8.0f}{ratio:>12.2f}x")
