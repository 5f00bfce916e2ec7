"""A server killed in the midst of writing: what it acknowledged is there, and every batch is whole or absent."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.tracking.conftest import Start
from tests.tracking.serving import Raw, Server

WRITERS = 8
ACKNOWLEDGED = 200
pytestmark = pytest.mark.slow


class Writer(threading.Thread):
    """Logs batch after batch into a run of its own until the server is gone."""

    def __init__(self, server: Server, run: str, enough: threading.Semaphore) -> None:
        super().__init__()
        self.raw, self.run_id, self.enough = server.raw(), run, enough
        self.sent = 0
        self.acknowledged: list[int] = []

    def run(self) -> None:
        while True:
            number, self.sent = self.sent, self.sent + 1
            try:
                answer = self.raw.http.post("/api/2.0/mlflow/runs/log-batch", json=batch(self.run_id, number))
            except httpx.TransportError:
                return
            assert answer.status_code == 200, answer.text
            self.acknowledged.append(number)
            self.enough.release()


def batch(run: str, number: int) -> dict[str, Any]:
    return {"run_id": run, "metrics": [{"key": "m", "value": number, "step": number, "timestamp": part} for part in range(40)],
            "params": [{"key": f"p{number}", "value": "v"}], "tags": [{"key": f"t{number}", "value": "v"}]}


def whole_batches(raw: Raw, run: str) -> set[int]:
    """Return the numbers of the batches that are there; each must be there in every part."""
    points: dict[int, int] = {}
    for point in raw.get("metrics/get-history", run_id=run, metric_key="m")["metrics"]:
        points[point["step"]] = points.get(point["step"], 0) + 1
    data = raw.data(run)
    assert set(points.values()) <= {40}
    assert {f"p{number}" for number in points} == set(data["params"])
    assert {f"t{number}" for number in points} | {"mlflow.runName"} == set(data["tags"])
    assert data["metrics"].get("m") == (max(points) if points else None)
    return set(points)


def test_a_killed_server_keeps_its_promises(start: Start, tmp_path: Path) -> None:
    with start(tmp_path / "home") as server:
        raw = server.raw()
        experiment = raw.experiment()
        enough = threading.Semaphore(0)
        writers = [Writer(server, raw.run(experiment), enough) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        for _ in range(ACKNOWLEDGED):
            assert enough.acquire(timeout=60)
        server.kill()
        for writer in writers:
            writer.join(timeout=60)
        server.start()
        raw = server.raw()
        for writer in writers:
            found = whole_batches(raw, writer.run_id)
            assert set(writer.acknowledged) <= found <= set(range(writer.sent))
            raw.post("runs/log-batch", **batch(writer.run_id, writer.sent))
            assert writer.sent in whole_batches(raw, writer.run_id)
        assert len(raw.post("runs/search", experiment_ids=[experiment])["runs"]) == WRITERS


def test_a_stopped_server_finishes_what_it_took(start: Start, tmp_path: Path) -> None:
    import signal

    with start(tmp_path / "home") as server:
        raw = server.raw()
        enough = threading.Semaphore(0)
        writers = [Writer(server, raw.run(raw.experiment()), enough) for _ in range(4)]
        for writer in writers:
            writer.start()
        for _ in range(40):
            assert enough.acquire(timeout=60)
        server.kill(signal.SIGTERM)
        for writer in writers:
            writer.join(timeout=60)
        assert "unexpected error" not in server.log()
        server.start()
        raw = server.raw()
        for writer in writers:
            assert set(writer.acknowledged) <= whole_batches(raw, writer.run_id)
