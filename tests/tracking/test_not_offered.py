"""What clients ask first, and parts of the protocol that are not offered: said so, in words that clients show."""

from __future__ import annotations

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service.utils import _get_store

from tests.tracking.serving import Raw, Server


def test_the_version_and_what_the_server_can_do(server: Server, raw: Raw) -> None:
    answer = raw.send("GET", "/version")
    assert (answer.text, answer.headers["content-type"]) == (mlflow.__version__, "text/plain; charset=utf-8")
    assert raw.send("GET", "/health").text == "OK"
    info = raw.get("/api/3.0/mlflow/server-info")
    assert (info["store_type"], info["workspaces_enabled"]) == ("SqlStore", False)
    assert raw.get("/ajax-api/3.0/mlflow/server-features") == info


@pytest.mark.parametrize("path", [
    "/api/2.0/mlflow/traces", "/api/2.0/mlflow/traces/tr-1/info", "/api/3.0/mlflow/traces/search",
    "/api/3.0/mlflow/traces/tr-1/assessments/a", "/api/3.0/mlflow/datasets/search", "/api/3.0/mlflow/scorers/list",
    "/api/3.0/mlflow/gateway/endpoints/list", "/api/3.0/mlflow/workspaces", "/api/3.0/mlflow/prompt-optimization/jobs",
    "/api/2.0/mlflow/unified-traces", "/ajax-api/2.0/mlflow/gateway-proxy", "/ajax-api/3.0/mlflow/assistant/x",
])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_areas_that_are_not_offered(raw: Raw, path: str, method: str) -> None:
    answer = raw.send(method, path, json={"a": 1})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "NOT_IMPLEMENTED")
    assert "does not offer" in answer.json()["message"]


def test_the_client_shows_it(client: MlflowClient, experiment: str) -> None:
    for call in (lambda: client.search_traces([experiment]), lambda: client.get_trace("tr-1"),
                 lambda: mlflow.genai.datasets.create_dataset(name="x", experiment_id=experiment),
                 lambda: _get_store().list_scorers(experiment)):
        with pytest.raises(MlflowException, match="does not offer"):
            call()
