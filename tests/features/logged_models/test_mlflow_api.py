"""The calls on logged models as they stand on the wire."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from stellwerk.features import identity, logged_models
from stellwerk.features.logged_models import ModelPoint, mlflow_api
from stellwerk.infra.installation import Installation
from stellwerk.kernel.actor import SYSTEM

_NAMES = itertools.count(1)
MODELS = "logged-models"


class Wire:
    """Calls of one caller by path below ``/api/2.0/mlflow/``."""

    def __init__(self, application: tuple[Installation, TestClient], role: str = "builder", team: str | None = None) -> None:
        self.installation, self.client = application
        with self.installation.database.write(SYSTEM) as work:
            made = identity.create_token(work, f"wire-{next(_NAMES)}", role, team=team)
        self.headers = {"Authorization": f"Bearer {made.secret.reveal()}"}

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Send a request; no answer is a fault of the server, and each refusal has a code and a message."""
        answer: httpx.Response = self.client.request(method, f"/api/2.0/mlflow/{path}", headers=self.headers, json=body, **more)
        assert answer.status_code < 500, answer.text
        assert answer.status_code == 200 or {"error_code", "message"} <= set(answer.json())
        return answer

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send what succeeds and return the answer."""
        answer = self.send(method, path, body, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, body: Any = None, *, status: int = 400,
                code: str = "INVALID_PARAMETER_VALUE") -> str:
        """Send what is refused and return the message."""
        answer = self.send(method, path, body)
        assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
        message: str = answer.json()["message"]
        return message

    def experiment(self) -> str:
        """Make an experiment and return its id."""
        made: str = self.ok("POST", "experiments/create", {"name": f"wire-{next(_NAMES)}"})["experiment_id"]
        return made

    def model(self, experiment: str, **more: Any) -> str:
        """Make a model and return its id."""
        made: str = self.ok("POST", MODELS, {"experiment_id": experiment, **more})["model"]["info"]["model_id"]
        return made

    def names(self, experiment: str, **more: Any) -> list[str]:
        """Return the names of the models on the first page of a search."""
        found = self.ok("POST", f"{MODELS}/search", {"experiment_ids": [experiment], **more})
        return [one["info"]["name"] for one in found["models"]]


@pytest.fixture
def wire(application: tuple[Installation, TestClient]) -> Wire:
    return Wire(application)


@pytest.fixture
def experiment(wire: Wire) -> str:
    return wire.experiment()


def test_a_model_from_making_to_its_end(wire: Wire, experiment: str) -> None:
    made = wire.ok("POST", MODELS, {
        "experiment_id": experiment, "name": "churn", "model_type": "tree", "source_run_id": "r1",
        "params": [{"key": "depth", "value": "3"}], "tags": [{"key": "stage", "value": "dev"}]})["model"]
    model_id = made["info"]["model_id"]
    moment = made["info"].pop("creation_timestamp_ms")

    assert made["info"].pop("last_updated_timestamp_ms") == moment
    assert made == {"info": {
        "model_id": model_id, "experiment_id": experiment, "name": "churn", "status": "LOGGED_MODEL_PENDING",
        "artifact_uri": f"mlflow-artifacts:/{experiment}/models/{model_id}/artifacts", "model_type": "tree",
        "source_run_id": "r1", "tags": [{"key": "stage", "value": "dev"}]},
        "data": {"params": [{"key": "depth", "value": "3"}]}}
    finalized = wire.ok("PATCH", f"{MODELS}/{model_id}", {"model_id": model_id, "status": "LOGGED_MODEL_READY"})
    assert finalized["model"]["info"]["status"] == "LOGGED_MODEL_READY"
    assert wire.ok("GET", f"{MODELS}/{model_id}") == finalized
    assert wire.ok("DELETE", f"{MODELS}/{model_id}", {"model_id": model_id}) == {}
    wire.refused("GET", f"{MODELS}/{model_id}", status=404, code="RESOURCE_DOES_NOT_EXIST")
    kept = wire.ok("GET", f"{MODELS}/{model_id}", params={"allow_deleted": "True"})
    assert kept["model"]["info"]["model_id"] == model_id
    assert wire.names(experiment) == []


def test_metrics_of_runs_reach_their_model(wire: Wire, experiment: str) -> None:
    model_id = wire.model(experiment)
    run = wire.ok("POST", "runs/create", {"experiment_id": experiment})["run"]["info"]["run_id"]
    wire.ok("POST", "runs/log-metric", {"run_id": run, "key": "loss", "value": "NaN", "timestamp": 3, "model_id": model_id})
    wire.ok("POST", "runs/log-batch", {"run_id": run, "metrics": [
        {"key": "auc", "value": 0.5, "timestamp": 7, "step": 2, "model_id": model_id, "dataset_name": "loans",
         "dataset_digest": "d1"}, {"key": "auc", "value": 0.6, "timestamp": 8}]})

    assert wire.ok("GET", f"{MODELS}/{model_id}")["model"]["data"]["metrics"] == [
        {"key": "auc", "value": 0.5, "timestamp": 7, "step": 2, "model_id": model_id, "run_id": run,
         "dataset_name": "loans", "dataset_digest": "d1"},
        {"key": "loss", "value": "NaN", "timestamp": 3, "step": 0, "model_id": model_id, "run_id": run}]
    wire.refused("POST", "runs/log-metric", {"run_id": run, "key": "a", "value": 1, "timestamp": 1, "model_id": "m-none"},
                 status=404, code="RESOURCE_DOES_NOT_EXIST")


def test_tags_and_params_are_changed_by_address(wire: Wire, experiment: str) -> None:
    model_id = wire.model(experiment)
    wire.ok("PATCH", f"{MODELS}/{model_id}/tags", {"tags": [{"key": "a b/c", "value": "1"}, {"key": "d", "value": ""}]})
    wire.ok("POST", f"{MODELS}/{model_id}/params", {"model_id": model_id, "params": [{"key": "p", "value": "1"}]})
    assert wire.ok("DELETE", f"{MODELS}/{model_id}/tags/a%20b/c") == {}

    wire.refused("DELETE", f"{MODELS}/{model_id}/tags/a%20b/c", status=404, code="RESOURCE_DOES_NOT_EXIST")
    assert "already logged" in wire.refused("POST", f"{MODELS}/{model_id}/params", {"params": [{"key": "p", "value": "2"}]})
    found = wire.ok("GET", f"{MODELS}/{model_id}")["model"]
    assert (found["info"]["tags"], found["data"]["params"]) == (
        [{"key": "d", "value": ""}], [{"key": "p", "value": "1"}])


@pytest.mark.parametrize(("status", "shown"), [
    (3, "LOGGED_MODEL_UPLOAD_FAILED"), ("2", "LOGGED_MODEL_READY"), (0, "LOGGED_MODEL_STATUS_UNSPECIFIED")])
def test_a_status_may_come_as_its_number(wire: Wire, experiment: str, status: object, shown: str) -> None:
    model_id = wire.model(experiment)

    answer = wire.ok("PATCH", f"{MODELS}/{model_id}", {"status": status})

    assert answer["model"]["info"]["status"] == shown


@pytest.mark.parametrize(("method", "path", "body", "part"), [
    ("POST", "", {}, "parameter 'experiment_id'"), ("POST", "", {"experiment_id": "x"}, "Invalid experiment ID"),
    ("POST", "", {"experiment_id": "0", "name": "a/b"}, "Invalid model name"),
    ("POST", "", {"experiment_id": "0", "name": 7}, "parameter 'name'"),
    ("POST", "", {"experiment_id": "0", "params": [{"value": "1"}]}, "params[0].key"),
    ("POST", "", {"experiment_id": "0", "tags": {"a": "b"}}, "parameter 'tags'"),
    ("PATCH", "/m-1", {}, "parameter 'status'"), ("PATCH", "/m-1", {"status": "READY"}, "parameter 'status'"),
    ("PATCH", "/m-1", {"status": 4}, "parameter 'status'"),
    ("PATCH", "/m-1", {"status": 2, "model_id": "m-2"}, "parameter 'model_id'"),
    ("PATCH", "/m-1/tags", {"tags": [{}]}, "tags[0].key"),
    ("POST", "/search", {}, "parameter 'experiment_ids'"),
    ("POST", "/search", {"experiment_ids": ["x"]}, "Invalid experiment ID"),
    ("POST", "/search", {"experiment_ids": ["0"], "max_results": -1}, "max_results"),
    ("POST", "/search", {"experiment_ids": ["0"], "max_results": 50_001}, "max_results"),
    ("POST", "/search", {"experiment_ids": ["0"], "filter": "accuracy > 1"}, "Invalid attribute key"),
    ("POST", "/search", {"experiment_ids": ["0"], "order_by": [{}]}, "order by"),
    ("POST", "/search", {"experiment_ids": ["0"], "order_by": [{"field_name": "params.a"}]}, "Only metrics"),
    ("POST", "/search", {"experiment_ids": ["0"], "datasets": [{"dataset_digest": "d"}]}, "dataset_name"),
    ("POST", "/search", {"experiment_ids": ["0"], "datasets": [{"dataset_name": "d"}] * 101}, "data sets"),
    ("POST", "/search", {"experiment_ids": [str(number) for number in range(10_001)]}, "experiments"),
    ("POST", "/search", {"experiment_ids": ["0"], "page_token": "W10="}, "page token"),
])
def test_what_is_refused_is_named(wire: Wire, method: str, path: str, body: dict[str, Any], part: str) -> None:
    assert part in wire.refused(method, MODELS + path, body)


@pytest.mark.parametrize(("method", "path", "body"), [
    ("GET", "", None), ("DELETE", "", None), ("PATCH", "", {"status": 2}), ("PATCH", "/tags", {"tags": []}),
    ("DELETE", "/tags/a", None), ("POST", "/params", {"params": []})])
@pytest.mark.parametrize("model_id", ["m-none", "%2e%2e", "%C3%A9", "a%2Fb", "m-" + "9" * 300])
def test_an_unknown_model_is_not_found(wire: Wire, method: str, path: str, body: Any, model_id: str) -> None:
    wire.refused(method, f"{MODELS}/{model_id}{path}", body, status=404, code="RESOURCE_DOES_NOT_EXIST")


def test_a_viewer_reads_and_writes_nothing(application: tuple[Installation, TestClient], wire: Wire,
                                           experiment: str) -> None:
    model_id, viewer = wire.model(experiment), Wire(application, "viewer")
    assert viewer.ok("GET", f"{MODELS}/{model_id}")["model"]["info"]["model_id"] == model_id
    for method, path, body in (("POST", "", {"experiment_id": experiment}), ("PATCH", f"/{model_id}", {"status": 2}),
                               ("DELETE", f"/{model_id}", {}), ("DELETE", f"/{model_id}/tags/a", {}),
                               ("PATCH", f"/{model_id}/tags", {"tags": []}), ("POST", f"/{model_id}/params", {})):
        viewer.refused(method, MODELS + path, body, status=403, code="PERMISSION_DENIED")


def test_a_search_shows_the_caller_s_teams_only(application: tuple[Installation, TestClient]) -> None:
    red, blue = Wire(application, "builder", "red"), Wire(application, "builder", "blue")
    experiment = red.experiment()
    model_id = red.model(experiment, name="of red")

    assert (red.names(experiment), blue.names(experiment)) == (["of red"], [])
    blue.refused("GET", f"{MODELS}/{model_id}", status=404, code="RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(("asked", "found"), [
    ("status = 'READY'", "b"), ("status = 'LOGGED_MODEL_READY'", "b"), ("status = '2'", "b"), ("status != 'READY'", "ca"),
    ("status IN ('READY', 'LOGGED_MODEL_PENDING')", "cba"), ("status LIKE 'PEND%'", "ca"), ("params.lr = 0.1", "b"),
    ("name = 'a' AND model_type = 'tree'", ""), ("source_run_id != 'r'", "cba"), ("tags.`x y` ILIKE 'UP%'", "c")])
def test_filters_find_what_they_say(wire: Wire, asked: str, found: str) -> None:
    experiment = wire.experiment()
    wire.model(experiment, name="a")
    model_id = wire.model(experiment, name="b", params=[{"key": "lr", "value": "0.1"}], model_type="tree")
    wire.model(experiment, name="c", tags=[{"key": "x y", "value": "upper"}])
    wire.ok("PATCH", f"{MODELS}/{model_id}", {"status": 2})

    # Made within one moment, models have no order but that of their ids.
    assert sorted(wire.names(experiment, filter=asked)) == sorted(found)


def pages(wire: Wire, experiment: str, **more: Any) -> list[list[str]]:
    """Return the names of the models on each page of a search."""
    found: list[list[str]] = []
    token: dict[str, str] = {}
    while True:
        page = wire.ok("POST", f"{MODELS}/search", {"experiment_ids": [experiment], **more, **token})
        found.append([one["info"]["name"] for one in page["models"]])
        if "next_page_token" not in page:
            return found
        token = {"page_token": page["next_page_token"]}


def test_pages_show_each_model_once(wire: Wire, experiment: str) -> None:
    names = [f"n{number}" for number in range(7)]
    for name in names:
        wire.model(experiment, name=name)
    by_name = [{"field_name": "name", "ascending": False}]

    assert pages(wire, experiment, max_results=3, order_by=by_name) == [
        ["n6", "n5", "n4"], ["n3", "n2", "n1"], ["n0"]]
    assert sorted(name for page in pages(wire, experiment, max_results=2) for name in page) == names
    assert len(pages(wire, experiment, max_results=0)) == 1


def test_a_token_belongs_to_its_search(wire: Wire, experiment: str) -> None:
    for _ in range(2):
        wire.model(experiment)
    search = {"experiment_ids": [experiment], "max_results": 1}
    token = wire.ok("POST", f"{MODELS}/search", search)["next_page_token"]

    for other in ({"filter": "name != 'x'"}, {"order_by": [{"field_name": "name"}]}, {"experiment_ids": ["0"]},
                  {"datasets": [{"dataset_name": "d"}]}):
        assert "page token" in wire.refused("POST", f"{MODELS}/search", {**search, **other, "page_token": token})


@pytest.mark.parametrize("position", [[1, "m\x00"], ["1", "m"], [2**70, "m"], [True, "m"], [1]])
def test_a_forged_token_is_refused(wire: Wire, experiment: str, position: list[Any]) -> None:
    for _ in range(2):
        wire.model(experiment)
    search = {"experiment_ids": [experiment], "max_results": 1}
    token = wire.ok("POST", f"{MODELS}/search", search)["next_page_token"]
    mark = json.loads(base64.urlsafe_b64decode(token))[0]
    forged = base64.urlsafe_b64encode(json.dumps([mark, *position]).encode()).decode()

    assert "page token" in wire.refused("POST", f"{MODELS}/search", {**search, "page_token": forged})


def test_a_page_ends_before_it_holds_too_many_points(
        wire: Wire, experiment: str, installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [wire.model(experiment, name=name) for name in "abc"]
    installation.tracking.write(lambda st: logged_models.add_points(st, [
        ModelPoint(model_id, "loss", number, 0, "r", 1.0, 0, "", "") for model_id in ids for number in range(3)]))
    monkeypatch.setattr(mlflow_api, "_MOST_POINTS", 6)
    by_name = [{"field_name": "name"}]

    assert pages(wire, experiment, order_by=by_name) == [["a", "b"], ["c"]]
    monkeypatch.setattr(mlflow_api, "_MOST_POINTS", 1)
    assert pages(wire, experiment, order_by=by_name) == [["a"], ["b"], ["c"]]
