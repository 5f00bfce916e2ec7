"""Many runs, filled in faster than by the calls that are measured: the peer's SQLite by SQL in its own schema."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.tracking import data
from bench.tracking.rows import fill_by_calls
from bench.tracking.servers import Server

_BATCH = 2000
_INSERTS = {
    "runs": "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, "
            "start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) "
            "VALUES (?, ?, 'UNKNOWN', '', '', 'bench', 'RUNNING', ?, '', 'active', ?, ?)",
    "tags": "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)",
    "params": "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
    "metrics": "INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, ?, 0, 0, ?)",
    "latest_metrics": "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid) "
                      "VALUES (?, ?, ?, 0, 0, ?)",
}


def batched(wanted: Iterable[data.Run], size: int = _BATCH) -> Iterator[list[data.Run]]:
    """Yield the runs in lists of a size."""
    source = iter(wanted)
    while batch := list(itertools.islice(source, size)):
        yield batch


def fill_peer(database: Path, experiment: str, wanted: Iterable[data.Run]) -> None:
    """Write runs into the peer's SQLite as its own calls would have, and let it ANALYZE; the peer must not run."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA cache_size=-200000")
        for batch in batched(wanted):
            connection.execute("BEGIN")
            for table, rows in _rows(batch, experiment).items():
                connection.executemany(_INSERTS[table], rows)
            connection.execute("COMMIT")
        connection.execute("ANALYZE")


def _rows(batch: list[data.Run], experiment: str) -> dict[str, list[tuple[Any, ...]]]:
    rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in _INSERTS}
    for run in batch:
        made = uuid.uuid4().hex
        rows["runs"].append((made, run.name, run.started, f"mlflow-artifacts:/{experiment}/{made}/artifacts",
                             int(experiment)))
        rows["tags"] += [("stage", "trial", made), ("mlflow.runName", run.name, made)]
        rows["params"] += [(key, value, made) for key, value in run.params.items()]
        points = [(key, value, run.started, made) for key, value in run.metrics.items()]
        rows["metrics"] += points
        rows["latest_metrics"] += points
    return rows


def fill_ours(server: Server, experiment: str, wanted: Iterable[data.Run], clients: int = 8, steps: int = 1,
              told: Callable[[int], None] = lambda made: None) -> None:
    """Make runs by the calls of the API, several at a time, on a server that runs; ``told`` hears how many are made."""
    source, lock = batched(wanted, 50), threading.Lock()
    made = itertools.count(1)

    def work() -> None:
        client = server.client()
        while True:
            # One at a time takes from the source, and only what it sends next: the runs never are in memory at once.
            with lock:
                batch = next(source, None)
            if batch is None:
                return client.close()
            for _ in fill_by_calls(client, experiment, iter(batch), steps):
                told(next(made))

    with ThreadPoolExecutor(clients) as pool:
        for done in [pool.submit(work) for _ in range(clients)]:
            done.result()
