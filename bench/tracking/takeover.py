"""``python -m bench tracking-import``: an MLflow database on this machine is brought to our server by the command."""

from __future__ import annotations

import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.tracking import servers
from bench.tracking.run import chosen_place, end_on_sigterm
from bench.tracking.servers import Server

_KEYS = 10
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Takeover:
    """How much there is to bring, and to which database."""

    runs: int = 500
    points: int = 5_000_000
    postgres: bool = False


def main(wanted: Takeover) -> bool:
    """Make the database, bring it, print rates; returns whether both sides were the same."""
    end_on_sigterm()
    with chosen_place(with_postgres=wanted.postgres) as (place, database):
        source = place / "mlflow.db"
        _fill(source, wanted)
        print(f"{os.cpu_count()} CPUs, load before {os.getloadavg()[0]:.1f}; {wanted.runs:,} runs, "
              f"{wanted.points:,} points, {source.stat().st_size / 1e6:,.0f} MB of SQLite", flush=True)
        server = servers.ours(place / "ours", database.address if database else None)
        server.start()
        try:
            good = _bring(server, source)
        finally:
            server.stop()
    return good


def _fill(path: Path, wanted: Takeover) -> None:
    import sqlalchemy
    from mlflow.store.db.utils import _initialize_tables

    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    _initialize_tables(engine)
    engine.dispose()
    draw = random.Random(1)
    steps = max(1, wanted.points // wanted.runs // _KEYS)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("PRAGMA cache_size=-400000")
        database.execute("INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, "
                         "creation_time, last_update_time) VALUES (1, 'brought', 'mlruns/1', 'active', 1, 1)")
        for number in range(wanted.runs):
            run = f"{draw.getrandbits(128):032x}"
            database.execute("INSERT INTO runs (run_uuid, name, status, start_time, end_time, lifecycle_stage, "
                             "artifact_uri, experiment_id) VALUES (?, 'r', 'FINISHED', ?, ?, 'active', ?, 1)",
                             (run, number, number + 1, f"mlruns/1/{run}/artifacts"))
            database.executemany("INSERT INTO params (run_uuid, key, value) VALUES (?, ?, ?)",
                                 [(run, f"p{key}", str(draw.random())) for key in range(10)])
            database.executemany(
                "INSERT INTO metrics (run_uuid, key, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, 0)",
                [(run, f"metric_{key}", 1_700_000_000_000 + step * 37, step, draw.random())
                 for step in range(steps) for key in range(_KEYS)])


def _cpu(pid: int) -> float:
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / _TICK


def _bring(server: Server, source: Path) -> bool:
    assert server.process is not None
    environment = {**os.environ, "STELLWERK_URL": f"http://127.0.0.1:{server.port}",
                   "STELLWERK_TOKEN": server.token or ""}
    began, server_cpu = time.perf_counter(), _cpu(server.process.pid)
    done = subprocess.run([sys.executable, "-m", "stellwerk.cli", "import", "mlflow", str(source), "--json"],
                          env=environment, stdout=subprocess.PIPE, text=True, check=False)
    whole, server_cpu = time.perf_counter() - began, _cpu(server.process.pid) - server_cpu
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = json.loads(done.stdout)
    if done.returncode or not report["holds"]:
        print("not the same on both sides:", done.stdout[-2000:])
        return False
    points = report["points_brought"]
    print(f"brought   {points / report['seconds']:>12,.0f} points/s   {report['seconds']:.1f} s, on disk and on the "
          "ledger")
    print(f"and proved {points / whole:>11,.0f} points/s   {whole:.1f} s, with the start of the command")
    print(f"CPU per point, bringing and proving: server {server_cpu / points * 1e6:.2f} us, "
          f"command {(used.ru_utime + used.ru_stime) / points * 1e6:.2f} us")
    print(f"load after {os.getloadavg()[0]:.1f}")
    return True
