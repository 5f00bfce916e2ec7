"""Killed in the middle, on either side, an import goes on where it was and ends with everything exactly once."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.transfer.old_mlflow import OldMlflow
from tests.tracking.serving import Raw, Server, serving

pytestmark = pytest.mark.slow
RUNS, POINTS = 800, 300


@pytest.fixture(scope="module")
def origin(empty_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldMlflow]:
    """A database that takes a few seconds to bring."""
    folder = tmp_path_factory.mktemp("large")
    (folder / "mlflow.db").write_bytes(empty_tables.read_bytes())
    found = OldMlflow(f"sqlite:///{folder / 'mlflow.db'}", folder / "mlruns")
    found.experiment(1, "large")
    runs = [f"{number:032x}" for number in range(RUNS)]
    for run in runs[::10]:
        artifacts = found.folder / "1" / run / "artifacts"
        artifacts.mkdir(parents=True)
        (artifacts / "n.txt").write_text(run[-1])
    rows = [(f"m{key}", 1_700_000_000_000 + step, step, float(step), run, 0)
            for run in runs for key in range(3) for step in range(POINTS // 3)]
    with sqlite3.connect(folder / "mlflow.db") as database:
        database.executemany(
            "INSERT INTO runs (run_uuid, name, status, lifecycle_stage, start_time, experiment_id, artifact_uri) "
            "VALUES (?, 'r', 'FINISHED', 'active', 1, 1, ?)",
            [(run, f"{found.folder}/1/{run}/artifacts") for run in runs])
        database.executemany("INSERT INTO params (run_uuid, key, value) VALUES (?, 'n', ?)", zip(runs, runs, strict=True))
        database.executemany("INSERT INTO metrics (key, timestamp, step, value, run_uuid, is_nan) "
                             "VALUES (?, ?, ?, ?, ?, ?)", rows)
    yield found
    found.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "h", "sqlite") as found:
        yield found


def _start(server: Server, origin: OldMlflow) -> subprocess.Popen[str]:
    environment = {**os.environ, "STELLWERK_URL": server.url, "STELLWERK_TOKEN": server.token("admin")}
    return subprocess.Popen([sys.executable, "-m", "stellwerk.cli", "import", "mlflow", origin.url, "--json"],
                            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _wait_for(raw: Raw, complete: int, process: subprocess.Popen[str]) -> dict[str, int]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = raw.get("/api/v1/transfer/list")["transfers"]
        things: dict[str, int] = found[0]["things"].get("run", {}) if found else {}
        if things.get("complete", 0) >= complete:
            return things
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    raise AssertionError("nothing came")


def _counts(server: Server) -> dict[str, int]:
    with sqlite3.connect(server.home / "tracking.sqlite") as database:
        return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("run", "metric", "latest_metric", "param", "run_tag", "artifact", "unsealed_run")}


def _check(server: Server, report: dict[str, Any]) -> None:
    assert report["holds"] is True
    assert report["counts"]["metric points"] == {"source": RUNS * POINTS, "here": RUNS * POINTS}
    assert _counts(server) == {"run": RUNS, "metric": RUNS * POINTS, "latest_metric": RUNS * 3, "param": RUNS,
                               "run_tag": RUNS, "artifact": RUNS // 10, "unsealed_run": 0}
    with sqlite3.connect(server.home / "tracking.sqlite") as database:
        events = database.execute("SELECT count(*), count(DISTINCT subject_id) FROM tracking_event "
                                  "WHERE subject_type = 'run'").fetchone()
        assert events == (RUNS, RUNS)


def test_killed_on_either_side_it_goes_on(server: Server, origin: OldMlflow) -> None:
    process = _start(server, origin)
    _wait_for(server.raw(), 1, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)
    here = _counts(server)
    assert here["run"] > 0
    assert here["metric"] < RUNS * POINTS, "killed too late to tell anything"

    again = _start(server, origin)
    _wait_for(server.raw(), RUNS // 2, again)
    server.kill()
    server.start()
    out, err = again.communicate(timeout=90)
    assert again.returncode == 0, err
    assert "Trying again" in err
    report = json.loads(out)
    assert 0 < report["runs_here_before"] < RUNS
    _check(server, report)
