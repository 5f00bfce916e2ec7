"""``python -m bench tracking-scale``: our server alone with as many runs and points as one machine is to hold."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.tracking import data, postgres, servers
from bench.tracking.client import Client, encode
from bench.tracking.fill import fill_ours
from bench.tracking.measure import measure
from bench.tracking.report import Line, table
from bench.tracking.rows import Row, Step, expect, filtered_search, names, new_experiment
from bench.tracking.run import chosen_place, end_on_sigterm, memory, running, start_and_stop
from bench.tracking.servers import Server

_TELL_SECONDS = 30.0


@dataclass(frozen=True)
class Scale:
    """How much is filled in, and how."""

    runs: int = 1_000_000
    points: int = 100_000_000
    postgres: bool = False
    clients: int = 16
    calls: int = 200

    @property
    def metrics(self) -> int:
        """Metrics of each run: two at least, since the search filters by one and orders by another."""
        return min(data.METRICS, max(2, self.points // self.runs))

    @property
    def steps(self) -> int:
        """Points of each metric of a run."""
        return max(1, round(self.points / self.runs / self.metrics))

    def made(self) -> Iterator[data.Run]:
        """Yield the runs."""
        return data.runs(self.runs, self.metrics)


class Progress:
    """Says now and then how far the filling has come."""

    def __init__(self, scale: Scale) -> None:
        self.scale = scale
        self.began = self.told = time.monotonic()
        self.last = 0
        self._lock = threading.Lock()

    def __call__(self, made: int) -> None:
        """Take note that so many runs are there."""
        now = time.monotonic()
        if now - self.told < _TELL_SECONDS or not self._lock.acquire(blocking=False):
            return
        rate = (made - self.last) / (now - self.told)
        print(f"  {made:,} of {self.scale.runs:,} runs, now {rate:,.0f} runs/s", flush=True)
        self.told, self.last = now, made
        self._lock.release()


def main(scale: Scale) -> bool:
    """Fill our server through its API, then measure searches; returns whether every answer was right."""
    end_on_sigterm()
    print(f"{os.cpu_count()} CPUs, load before {os.getloadavg()[0]:.1f}; {scale.runs:,} runs of "
          f"{scale.metrics} metrics with {scale.steps} points each, through the API by {scale.clients} clients",
          flush=True)
    lines: list[Line] = []
    with chosen_place(with_postgres=scale.postgres) as (place, database):
        server = servers.ours(place / "ours", database.address if database else None)
        for found in _all(scale, server, database):
            print(f"{found.text()}   [load {os.getloadavg()[0]:.1f}]", flush=True)
            lines.append(found)
    print(f"\nload after {os.getloadavg()[0]:.1f}\n\n{table(lines)}")
    return not any(line.failures for line in lines)


def _all(scale: Scale, server: Server, database: postgres.Postgres | None) -> Iterator[Line]:
    def line(title: str, unit: str, value: float) -> Line:
        return Line(title, unit, None, {server.name: value})

    with running([server]):
        experiment = new_experiment(server.client(), "scale")
        began = time.perf_counter()
        fill_ours(server, experiment, scale.made(), scale.clients, scale.steps, Progress(scale))
        spent = time.perf_counter() - began
    points = scale.runs * scale.metrics * scale.steps
    yield line("import through the API", "runs/s", scale.runs / spent)
    yield line("import through the API", "points/s", points / spent)
    size = disk_bytes(server.home) + (disk_bytes(database.folder) if database else 0)
    yield line("size on disk", "GB", size / 1e9)
    yield line("size on disk for each point", "bytes", size / points)
    yield line("start to the first good answer", "s", start_and_stop(server))
    held = data.Held(scale.made())
    with running([server]):
        for row in _rows(scale, experiment, held):
            yield from measure(row, [server], 1, row.calls)
        yield memory("memory after these rows", [server])


def _rows(scale: Scale, experiment: str, held: data.Held) -> list[Row]:
    return [
        Row("search, filter + order, first page of 100", None, scale.calls, with_p99=True,
            prepare=lambda client: filtered_search(client, experiment, held)),
        Row("search, filter + order, second page", None, scale.calls, with_p99=True,
            prepare=lambda client: _second_page(client, experiment, held)),
        Row("search, first page of 100", None, scale.calls, with_p99=True,
            prepare=lambda client: _newest(client, experiment, scale.runs)),
    ]


def _second_page(client: Client, experiment: str, held: data.Held) -> Step:
    def step(number: int) -> float:
        first = client.post("runs/search", data.search(experiment, number))
        found = client.post("runs/search", data.search(experiment, number, token=first.get("next_page_token", "")))
        spent = client.spent
        expect(names(first) + names(found) == held.page(number, 200), "another page")
        return spent

    return step


def _newest(client: Client, experiment: str, count: int) -> Step:
    request = encode("POST", "runs/search", client.token, {"experiment_ids": [experiment], "max_results": 100})
    wanted = [data.name(number) for number in range(count - 1, max(-1, count - 101), -1)]

    def step(number: int) -> float:
        found = json.loads(client.send(request))
        spent = client.spent
        expect(names(found) == wanted, "another page")
        return spent

    return step


def disk_bytes(folder: Path) -> int:
    """Return what the files of a folder take up on the disk."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
