"""Many clients at once: nothing is lost, and nobody hears of a busy database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.tracking.serving import Server, unique

CLIENTS = 20
BATCHES = 6
pytestmark = pytest.mark.slow


def test_twenty_clients_lose_nothing(server: Server) -> None:
    experiment = server.raw().experiment()
    server.token("builder")

    def work(number: int) -> str:
        raw = server.raw("builder")
        run = raw.run(experiment, run_name=f"client {number}")
        for place in range(BATCHES):
            raw.post("runs/log-batch", run_id=run,
                     metrics=[{"key": f"k{number}-{place}", "value": place, "timestamp": n, "step": n} for n in range(20)],
                     params=[{"key": f"p{place}", "value": str(number)}])
            raw.post("runs/log-metric", run_id=run, key="shared", value=number, timestamp=place, step=place)
            if place % 3 == 0:
                raw.post("runs/search", experiment_ids=[experiment], order_by=["metrics.shared DESC"], max_results=5)
        raw.post("runs/update", run_id=run, status="FINISHED", end_time=1)
        raw.http.close()
        return run

    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = list(pool.map(work, range(CLIENTS)))
    raw = server.raw()
    found = raw.post("runs/search", experiment_ids=[experiment], filter="status = 'FINISHED'")["runs"]
    assert sorted(one["info"]["run_id"] for one in found) == sorted(runs)
    for number, run in enumerate(runs):
        data = raw.data(run)
        assert data["params"] == {f"p{place}": str(number) for place in range(BATCHES)}
        assert data["metrics"] == {"shared": number} | {f"k{number}-{place}": place for place in range(BATCHES)}
    assert "database is locked" not in server.log()


@pytest.mark.parametrize("what", ["experiment", "model", "version", "param", "tag"])
def test_the_same_thing_at_once(server: Server, what: str) -> None:
    raw = server.raw()
    name, run = unique("same"), raw.run(raw.experiment())
    model = raw.post("logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
    raw.post("registered-models/create", name=f"{name} v")

    def work(number: int) -> int:
        calls: dict[str, tuple[str, dict[str, object]]] = {
            "experiment": ("experiments/create", {"name": name}), "model": ("registered-models/create", {"name": name}),
            "version": ("model-versions/create", {"name": f"{name} v", "source": f"models:/{model}"}),
            "param": ("runs/log-parameter", {"run_id": run, "key": "p", "value": str(number)}),
            "tag": ("runs/set-tag", {"run_id": run, "key": f"new {name}", "value": str(number)})}
        path, body = calls[what]
        return server.raw().send("POST", path, json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(work, range(8)))
    if what in ("version", "tag"):
        assert answers == [200] * 8
    else:
        assert answers == [200] + [400] * 7
    if what == "version":
        found = raw.get("model-versions/search", filter=f"name = '{name} v'")["model_versions"]
        assert sorted(int(one["version"]) for one in found) == list(range(1, 9))
