"""``stellwerk import mlflow URL``: page by page from a server, which may be hostile."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stellwerk.cli.transfer import mlflow_http, mlflow_server, mlflow_server_models
from stellwerk.cli.transfer.mlflow_http import credentials
from tests.cli.transfer.conftest import Call
from tests.client.fake_server import FakeServer
from tests.tracking.serving import Raw, Server, serving, unique


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Another installation, which speaks the protocol as any MLflow server does."""
    with serving(tmp_path_factory.mktemp("other") / "h", "sqlite") as found:
        yield found


def test_all_pages_come(call: Call, target: Server, raw: Raw, other: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in ((mlflow_server, "_PAGE", 3), (mlflow_server, "_HISTORY", 4),
                                (mlflow_server, "_TOGETHER", 1), (mlflow_server, "_HANDED_ON", 2),
                                (mlflow_server_models, "_PAGE", 2)):
        monkeypatch.setattr(module, name, value)
    there = other.raw()
    runs = []
    for experiment in [there.experiment(unique("it's \"so\"")) for _ in range(2)]:
        for number in range(4):
            run = there.run(experiment, run_name=f"r{number}", start_time=number)
            there.post("runs/log-batch", run_id=run, params=[{"key": "n", "value": str(number)}], metrics=[
                {"key": key, "value": step if step else "NaN", "timestamp": 9 - step, "step": step}
                for key in ("loss", "a b/c") for step in range(9)])
            there.post("runs/update", run_id=run, status="FINISHED", end_time=7)
            runs.append(run)
    there.post("runs/delete", run_id=runs[0])
    model = there.post("logged-models", experiment_id=experiment, name="forest", source_run_id=runs[-1],
                       params=[{"key": "k", "value": "v"}])["model"]["info"]["model_id"]
    there.post("runs/outputs", run_id=runs[-1], models=[{"model_id": model, "step": 2}])
    there.post("runs/log-metric", run_id=runs[-1], key="auc", value=0.5, timestamp=3, step=1, model_id=model)
    for place, content in ((f"{experiment}/{runs[-1]}/artifacts/a dir/ü.txt", b"hello"),
                           (f"{experiment}/models/{model}/artifacts/MLmodel", b"{}")):
        there.http.put(f"/api/2.0/mlflow-artifacts/artifacts/{place}", content=content).raise_for_status()
    name = unique("it's")
    there.post("registered-models/create", name=name, description="d")
    for _ in range(5):
        there.post("model-versions/create", name=name, source=f"models:/{model}")
    there.post("registered-models/alias", name=name, alias="best", version="4")

    monkeypatch.setenv("STELLWERK_SOURCE_TOKEN", other.token("admin"))
    said = call("import", "mlflow", other.url, "--json")
    assert said.code == 0, said.out + said.err
    counts = {kind: count["here"] for kind, count in said.json["counts"].items()}
    assert counts == {"experiments": 3, "runs": 8, "params": 8, "tags": 8, "data set inputs": 0,
                      "links to logged models": 1, "metric points": 145, "artifacts": 2, "bytes of artifacts": 7,
                      "logged models": 1, "registered models": 1, "versions": 5, "aliases": 1}
    assert raw.get("runs/get", run_id=runs[0])["run"]["info"]["lifecycle_stage"] == "deleted"
    assert raw.send("GET", "/get-artifact", params={"run_id": runs[-1], "path": "a dir/ü.txt"}).content == b"hello"
    assert call("import", "mlflow", other.url, "--json").json["runs_here_before"] == 8


RUN = "e" * 32
Answer = Callable[[dict[str, str], bytes], tuple[int, Any]]


@pytest.fixture
def evil() -> Iterator[FakeServer]:
    """A server that says what an MLflow server says, but for what a test makes of it."""
    found = FakeServer()
    api = "/api/2.0/mlflow"
    experiment = {"experiment_id": "1", "name": unique("evil"), "lifecycle_stage": "active", "creation_time": 1}
    found.routes.update({
        ("POST", f"{api}/experiments/search"): lambda query, body: (200, {"experiments": [experiment]}),
        ("POST", f"{api}/runs/search"): lambda query, body: (200, {"runs": [_run()]}),
        ("POST", f"{api}/logged-models/search"): lambda query, body: (404, {"error_code": "ENDPOINT_NOT_FOUND"}),
        ("GET", f"{api}/registered-models/search"): lambda query, body: (200, {}),
        ("GET", f"{api}/artifacts/list"): lambda query, body: (200, {}),
        ("GET", f"{api}/metrics/get-history"): lambda query, body: (200, {}),
        ("GET", "/get-artifact"): lambda query, body: (200, b"bytes of " + query["path"].encode()),
    })
    yield found
    found.close()


def _run(run_id: str = RUN, **data: Any) -> dict[str, Any]:
    return {"info": {"run_id": run_id, "experiment_id": "1", "status": "FINISHED", "artifact_uri": "file:///etc",
                     "run_name": "r", "start_time": 1}, "data": data}


def test_names_that_lead_elsewhere_are_refused_and_the_rest_comes(call: Call, target: Server, raw: Raw,
                                                                  evil: FakeServer, tmp_path: Path) -> None:
    bad = ["../../../../evil", "/etc/passwd", "a/../../b", "a\\b", "%2e%2e/x", "file:/x", "x\u202ey", "d\ne"]
    api = "/api/2.0/mlflow"
    evil.routes["GET", f"{api}/artifacts/list"] = lambda query, body: (200, {"files": [
        {"path": "deep/again", "is_dir": False}, {"path": "deep", "is_dir": True},
        {"path": "../up", "is_dir": True}] if query.get("path") == "deep" else [
            {"path": "good.txt", "is_dir": False}, {"path": "deep", "is_dir": True},
            *({"path": path, "is_dir": False} for path in bad)]})
    evil.routes["POST", f"{api}/runs/search"] = lambda query, body: (200, {"runs": [
        _run(params=[{"key": "good", "value": "1"}, {"key": "../bad", "value": "2"}, {"key": "nul", "value": "a\0"}],
             tags=[{"key": "/abs", "value": "x"}], metrics=[{"key": "loss"}, {"key": "a/../b"}]),
        _run("../../x"), _run("a" * 40)]})
    evil.routes["GET", f"{api}/metrics/get-history"] = lambda query, body: (200, {"metrics": [
        {"value": "Infinity", "timestamp": "3", "step": 1}, {"value": 2, "timestamp": 4, "step": "2"}]})
    said = call("import", "mlflow", evil.url, "--json")
    assert said.code == 1
    report = said.json
    assert report["differences"] == []
    refused = [row["what"] for row in report["refused"]]
    assert {name for name in [*bad, "deep/", "../up/"] if any(repr(name) in what for what in refused)} == {
        *bad, "deep/", "../up/"}
    assert len(refused) == len(bad) + 2 + 3 + 1 + 2
    assert raw.data(RUN) == {"metrics": {"loss": 2.0}, "params": {"good": "1"}, "tags": {"mlflow.runName": "r"}}
    history = raw.get("metrics/get-history", run_id=RUN, metric_key="loss")["metrics"]
    assert history[0]["value"] == 1.7976931348623157e308
    assert raw.send("GET", "/get-artifact", params={"run_id": RUN, "path": "good.txt"}).content == b"bytes of good.txt"
    listed = raw.get("artifacts/list", run_id=RUN)["files"]
    assert {one["path"] for one in listed} == {"good.txt", "deep"}
    assert list(tmp_path.rglob("*evil*")) == []


def test_no_location_of_the_source_is_ever_fetched(call: Call, target: Server, evil: FakeServer) -> None:
    seen = FakeServer()
    location = f"{seen.url}/model"
    evil.routes["GET", "/api/2.0/mlflow/registered-models/search"] = lambda query, body: (200, {
        "registered_models": [{"name": f"evil-{evil.url[-5:]}"}]})
    evil.routes["GET", "/api/2.0/mlflow/model-versions/search"] = lambda query, body: (200, {"model_versions": [
        {"name": f"evil-{evil.url[-5:]}", "version": "1", "source": location, "run_link": location}]})
    evil.routes["GET", "/api/2.0/mlflow/model-versions/get-download-uri"] = lambda query, body: (
        200, {"artifact_uri": location})
    call("import", "mlflow", evil.url)
    target.raw().send("GET", "/model-versions/get-artifact",
                      params={"name": f"evil-{evil.url[-5:]}", "version": "1", "path": "MLmodel"})
    assert seen.seen == []
    seen.close()


def test_a_server_that_knows_its_callers_gets_name_and_password(call: Call, target: Server, evil: FakeServer,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    inner = dict(evil.routes)

    def guarded(key: tuple[str, str]) -> Answer:
        def answer(query: dict[str, str], body: bytes) -> tuple[int, Any]:
            given = evil.seen[-1][4].get("Authorization", "")
            return inner[key](query, body) if given == expected else (401, {})
        return answer

    expected = "Basic " + base64.b64encode(b"bea:seven signals").decode()
    evil.routes.update({key: guarded(key) for key in inner})
    refused = call("import", "mlflow", evil.url, "--no-artifacts")
    assert refused.code == 1
    assert "STELLWERK_SOURCE_USER" in refused.err
    monkeypatch.setenv("STELLWERK_SOURCE_USER", "bea")
    monkeypatch.setenv("STELLWERK_SOURCE_PASSWORD", "seven signals")
    said = call("import", "mlflow", evil.url, "--no-artifacts", "--prefix", "in-")
    assert "seven" not in said.out + said.err
    assert "differs" not in said.out


def test_a_token_of_ours_goes_to_no_other_server() -> None:
    assert credentials("stw_ours", {"MLFLOW_TRACKING_TOKEN": "stw_ours"}) == ("", "", "")
    assert credentials(None, {"MLFLOW_TRACKING_TOKEN": "stw_other"}) == ("", "", "")
    assert credentials("stw_ours", {"MLFLOW_TRACKING_USERNAME": "x", "MLFLOW_TRACKING_PASSWORD": "stw_ours"}) == (
        "", "", "")
    assert credentials("stw_ours", {"MLFLOW_TRACKING_TOKEN": "theirs"}) == ("", "", "theirs")
    assert credentials("stw_ours", {"MLFLOW_TRACKING_TOKEN": "theirs", "STELLWERK_SOURCE_TOKEN": "stw_b"}) == (
        "", "", "stw_b")


def test_what_is_no_server_is_said_to_be_none(call: Call, target: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_http, "_PAUSES", ())
    page = FakeServer()
    page.routes["POST", "/api/2.0/mlflow/experiments/search"] = lambda query, body: (200, b"<html>")
    assert "did not answer as an MLflow server" in call("import", "mlflow", page.url).err
    page.close()
    assert "does not answer" in call("import", "mlflow", page.url).err
