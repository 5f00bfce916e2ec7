"""``python -m bench tracking``: both servers, row by row in interleaved rounds, and the table."""

from __future__ import annotations

import contextlib
import os
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.tracking import servers
from bench.tracking.report import Line, table
from bench.tracking.rows import Row, rows
from bench.tracking.servers import Server


def main(rounds: int, *, quick: bool = False) -> None:
    """Measure every row on both servers and print the table."""
    print(f"{os.cpu_count()} CPUs, load before {os.getloadavg()[0]:.1f}; medians of {rounds} interleaved rounds",
          flush=True)
    with tempfile.TemporaryDirectory() as place:
        pair = (servers.peer(Path(place) / "peer"), servers.ours(Path(place) / "ours"))
        lines = []
        with running(pair):
            for row in rows():
                lines.append(measure(row, pair, rounds, quick=quick))
    print(f"\nload after {os.getloadavg()[0]:.1f}\n")
    print(table(lines))


@contextlib.contextmanager
def running(chosen: Sequence[Server]) -> Iterator[None]:
    """Run servers until the end of the block."""
    try:
        for server in chosen:
            server.start()
        yield
    finally:
        for server in chosen:
            server.stop()


def measure(row: Row, chosen: Sequence[Server], rounds: int, *, quick: bool = False) -> Line:
    """Measure one row: the servers take turns, and who begins changes from round to round."""
    clients = {server.name: server.client() for server in chosen}
    steps = {name: row.prepare(client) for name, client in clients.items()}
    numbers = dict.fromkeys(steps, 0)
    figures: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name in list(steps)[::1 if turn % 2 else -1]:
            clients[name].reconnect()
            # The first turn warms up only; in every turn the first call on a new connection does not count.
            calls = 1 + (min(3, row.calls) if turn == 0 or quick else row.calls)
            taken = [steps[name](numbers[name] + call) for call in range(calls)][1:]
            numbers[name] += calls
            if turn > 0:
                figures[name].append(len(taken) / sum(taken) if row.per_second
                                     else statistics.median(taken) * 1000)
    for client in clients.values():
        client.close()
    line = Line(row.title, "/s" if row.per_second else "ms p50", row.goal,
                {name: statistics.median(values) for name, values in figures.items()}, more_is_better=row.per_second)
    print(line.text(), flush=True)
    return line
