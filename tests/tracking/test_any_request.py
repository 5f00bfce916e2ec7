"""Whatever is sent to a raw route, the answer is what the protocol knows: never a fault of the server."""

from __future__ import annotations

import json
import os
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from stellwerk.infra.http.raw import Endpoint
from tests.tracking.requests_of import Pool, endpoints, objects, paths
from tests.tracking.serving import Raw, Server, unique

EXAMPLES = int(os.environ.get("STELLWERK_FUZZ", "8"))
# Asks for a delivery at once, and there is no receiver.
NOT_SENT = ("/webhooks/{webhook_id}/test",)
ROUTES = [one for one in endpoints() if not one.path.endswith(NOT_SENT)]


def things(raw: Raw) -> Pool:
    """Make one of everything and return the names by field."""
    experiment, name = raw.experiment(), unique("model")
    run = raw.run(experiment)
    raw.post("runs/log-batch", run_id=run, metrics=[{"key": "m", "value": 1, "timestamp": 1}],
             params=[{"key": "p", "value": "v"}], tags=[{"key": "t", "value": "v"}])
    model = raw.post("logged-models", experiment_id=experiment, name="m", source_run_id=run)["model"]["info"]["model_id"]
    raw.post("registered-models/create", name=name)
    raw.post("model-versions/create", name=name, source=f"models:/{model}", run_id=run)
    raw.post("registered-models/alias", name=name, alias="champion", version="1")
    webhook = raw.post("webhooks", name=unique("hook"), url="https://hooks.invalid/x", status="DISABLED",
                       events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}])["webhook"]["webhook_id"]
    return {"experiment_id": [experiment], "run_id": [run], "run_uuid": [run], "model_id": [model], "name": [name, "m"],
            "version": ["1"], "alias": ["champion"], "key": ["m", "p", "t"], "metric_key": ["m"], "tag_key": ["t"],
            "webhook_id": [webhook], "source": [f"models:/{model}", f"runs:/{run}/m"], "transfer": ["1"],
            "path": [f"{experiment}/{run}/artifacts/a.txt", f"{experiment}/models/{model}/artifacts/MLmodel", "a.txt"]}


def shape_is_right(answer: httpx.Response) -> None:
    """Assert what holds for every answer."""
    assert answer.status_code < 500, answer.text[:2000]
    if answer.status_code >= 400:
        error = answer.json()
        assert isinstance(error["error_code"], str)
        assert isinstance(error["message"], str)
        assert len(answer.content) < 30_000
    assert b"Traceback" not in answer.content
    assert b"sqlite3" not in answer.content
    assert b"psycopg" not in answer.content


def parameters(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body as query parameters."""
    return {name: value if isinstance(value, str | int | list) else json.dumps(value) for name, value in body.items()
            if not (isinstance(value, list) and any(isinstance(one, list | dict) for one in value))}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_structs(server: Server, route: Endpoint) -> None:
    raw = server.raw()
    pool = things(raw)
    bodies = st.fixed_dictionaries({}) if route.struct is None else objects(route.struct, pool)

    @settings(max_examples=EXAMPLES, derandomize=EXAMPLES < 100, database=None, deadline=None,
              suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
    @given(path=paths(route, pool), body=bodies)
    def send(path: str, body: dict[str, Any]) -> None:
        if route.method == "GET":
            shape_is_right(raw.http.request(route.method, path, params=parameters(body)))
            return
        content = json.dumps(body).encode()
        shape_is_right(raw.http.request(route.method, path, content=content,
                                        headers={"Content-Type": "application/json"}))

    send()
