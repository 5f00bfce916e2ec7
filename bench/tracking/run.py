"""``python -m bench tracking``: both servers, row by row in interleaved rounds, and the table."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.tracking import crowd, data, fill, postgres, servers
from bench.tracking.measure import alternating, measure
from bench.tracking.report import Line, table
from bench.tracking.rows import Row, filtered_search, new_experiment, rows
from bench.tracking.servers import Server

CLIENTS = 16

# CPUs in use below which a machine counts as quiet.
_QUIET = 0.3

@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    rounds: int = 5
    quick: bool = False
    postgres: bool = False
    only: str | None = None
    runs: int = 100_000

    def calls(self, row: Row) -> int:
        """Return the calls of a row in each round."""
        return 3 if self.quick else row.calls


def main(plan: Plan) -> bool:
    """Measure every row on both servers and print the table; returns whether every answer was right."""
    end_on_sigterm()
    print(f"{os.cpu_count()} CPUs, load before {os.getloadavg()[0]:.1f}; {plan.rounds} interleaved rounds, medians",
          flush=True)
    lines: list[Line] = []
    with chosen(plan) as pair:
        for found in _all(plan, pair):
            print(f"{found.text()}   [load {os.getloadavg()[0]:.1f}]", flush=True)
            lines.append(found)
    print(f"\n{os.cpu_count()} CPUs, load after {os.getloadavg()[0]:.1f}\n\n{table(lines)}")
    return not any(line.failures for line in lines)


def wait_until_quiet(most: float = 120.0) -> None:
    """Wait until the processes that a server starts besides itself have come up, at most so many seconds."""
    until = time.monotonic() + most
    before = _busy()
    while time.monotonic() < until:
        time.sleep(2)
        now = _busy()
        if (now - before) / 2 < _QUIET:
            return
        before = now


def _busy() -> float:
    """Return the CPU seconds that all processes of this machine have used."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
    return sum(int(field) for place, field in enumerate(fields[:8]) if place not in (3, 4)) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def chosen(plan: Plan) -> Iterator[list[Server]]:
    """Yield the servers to measure, not started, with their folders until the end of the block."""
    with chosen_place(with_postgres=plan.postgres) as (place, database):
        pair = []
        if plan.only != "ours":
            pair.append(servers.peer(place / "peer"))
        if plan.only != "peer":
            pair.append(servers.ours(place / "ours", database.address if database else None))
        yield pair


def end_on_sigterm() -> None:
    """Let SIGTERM end the bench as an exception does, so that no server outlives it."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


@contextlib.contextmanager
def chosen_place(*, with_postgres: bool) -> Iterator[tuple[Path, postgres.Postgres | None]]:
    """Yield a folder until the end of the block, and a PostgreSQL where one is wanted."""
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tracking-")))
        yield place, stack.enter_context(postgres.private()) if with_postgres else None


@contextlib.contextmanager
def running(some: Sequence[Server]) -> Iterator[None]:
    """Run servers until the end of the block."""
    try:
        for server in some:
            server.start()
        yield
    finally:
        for server in some:
            server.stop()


def _all(plan: Plan, pair: list[Server]) -> Iterator[Line]:
    with running(pair):
        wait_until_quiet()
        for row in rows():
            yield from measure(row, pair, plan.rounds, plan.calls(row))
        seconds = 1.0 if plan.quick else 4.0
        yield alternating(crowd.TITLE, "calls/s", 15, pair, plan.rounds, more_is_better=True,
                          one=lambda server: crowd.drive(server.client(), CLIENTS, seconds))
        yield memory("memory after these rows, all processes", pair)
    yield alternating("start to the first good answer", "s", 6, pair, min(plan.rounds, 3), start_and_stop)
    yield from _many_runs(plan, pair)


def memory(title: str, pair: Sequence[Server]) -> Line:
    """Return the proportional memory of both."""
    return alternating(title, "MB PSS", 4, pair, 1, Server.memory_mb)


def start_and_stop(server: Server) -> float:
    """Start a server that has its database already; returns the seconds until its first good answer."""
    spent = server.start()
    server.stop()
    return spent


def _many_runs(plan: Plan, pair: list[Server]) -> Iterator[Line]:
    count = plan.runs // 20 if plan.quick else plan.runs
    experiments = filled(pair, count)
    held = data.Held(data.runs(count))
    row = Row(f"search, filter + order, {count:,} runs", 20, 20, with_p99=True,
              prepare=lambda client: filtered_search(client, experiments[client.port], held))
    with running(pair):
        yield from measure(row, pair, plan.rounds, plan.calls(row))
        yield memory(f"memory after {count:,} runs, all processes", pair)


def filled(pair: Sequence[Server], count: int) -> dict[int, str]:
    """Fill the same runs into both; returns the experiment that holds them by the port of the server."""
    experiments = {}
    for server in pair:
        began = time.perf_counter()
        with running([server]):
            experiments[server.port] = new_experiment(server.client(), "many-runs")
            if server.token is not None:
                fill.fill_ours(server, experiments[server.port], data.runs(count))
        if server.token is None:
            fill.fill_peer(server.folder / "mlflow.db", experiments[server.port], data.runs(count))
        print(f"{count:,} runs into {server.name} in {time.perf_counter() - began:.0f} s", flush=True)
    return experiments
