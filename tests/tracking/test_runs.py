"""Runs through the stock client: their life, names, tags and params."""

from __future__ import annotations

import json

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Param, RunStatus, RunTag

from tests.tracking.serving import Raw, unique
from tests.tracking.wording import refused


def test_a_run_from_start_to_end(client: MlflowClient, experiment: str) -> None:
    made = client.create_run(experiment, start_time=1_700_000_000_000, tags={"a": "b"}, run_name="first")
    info = made.info
    assert (info.run_name, info.status, info.lifecycle_stage) == ("first", "RUNNING", "active")
    assert (info.start_time, info.end_time, info.experiment_id) == (1_700_000_000_000, None, experiment)
    assert info.artifact_uri == f"mlflow-artifacts:/{experiment}/{info.run_id}/artifacts"
    assert made.data.tags == {"a": "b", "mlflow.runName": "first"}
    client.set_terminated(info.run_id, "FAILED", end_time=1_700_000_005_000)
    found = client.get_run(info.run_id)
    assert (found.info.status, found.info.end_time) == ("FAILED", 1_700_000_005_000)
    assert found.data.tags == made.data.tags


def test_the_fluent_functions(client: MlflowClient, experiment: str) -> None:
    with mlflow.start_run(experiment_id=experiment, run_name="outer", description="why") as outer:
        mlflow.log_params({"depth": 3, "rate": 0.1})
        mlflow.log_metrics({"auc": 0.9, "loss": 0.3}, step=2)
        with mlflow.start_run(experiment_id=experiment, nested=True) as inner:
            mlflow.set_tag("kind", "child")
    found = mlflow.get_run(outer.info.run_id)
    assert found.data.params == {"depth": "3", "rate": "0.1"}
    assert found.data.metrics == {"auc": 0.9, "loss": 0.3}
    assert (found.data.tags["mlflow.note.content"], found.info.status) == ("why", "FINISHED")
    assert mlflow.get_parent_run(inner.info.run_id).info.run_id == outer.info.run_id
    assert mlflow.search_runs([experiment], output_format="list",
                              filter_string=f"tags.mlflow.parentRunId = '{outer.info.run_id}'")[0].data.tags[
                                  "kind"] == "child"


def test_a_failing_run(client: MlflowClient, experiment: str) -> None:
    with pytest.raises(ZeroDivisionError), mlflow.start_run(experiment_id=experiment) as run:
        1 / 0  # noqa: B018
    assert client.get_run(run.info.run_id).info.status == "FAILED"


def test_name_and_tag_are_one_thing(client: MlflowClient, raw: Raw, experiment: str) -> None:
    run = client.create_run(experiment, tags={"mlflow.runName": "tagged"}).info.run_id
    assert client.get_run(run).info.run_name == "tagged"
    client.update_run(run, name="renamed")
    assert client.get_run(run).data.tags["mlflow.runName"] == "renamed"
    client.set_tag(run, "mlflow.runName", "again")
    assert client.get_run(run).info.run_name == "again"
    client.log_batch(run, tags=[RunTag("mlflow.runName", "batched")])
    assert client.get_run(run).info.run_name == "batched"
    unnamed = client.create_run(experiment)
    assert unnamed.info.run_name == unnamed.data.tags["mlflow.runName"] != ""
    assert "mlflow.runName" in raw.refused("runs/create", experiment_id=experiment, run_name="a",
                                           tags=[{"key": "mlflow.runName", "value": "b"}])


def test_updating(client: MlflowClient, raw: Raw, experiment: str) -> None:
    run = client.create_run(experiment, run_name="n").info.run_id
    for status in ("SCHEDULED", "FINISHED", "FAILED", "KILLED", "RUNNING"):
        client.update_run(run, status=status)
        found = client.get_run(run).info
        assert (found.status, found.run_name, found.end_time) == (status, "n", None)
    assert raw.post("runs/update", run_id=run, status=RunStatus.FINISHED, end_time="12345")["run_info"] | {
        "status": "FINISHED", "end_time": 12345, "run_name": "n"} == raw.get("runs/get", run_id=run)["run"]["info"]
    raw.refused("runs/update", run_id=run, status="DONE")
    raw.refused("runs/update", run_id=run, end_time=2**63)
    raw.refused("runs/update", 404, "RESOURCE_DOES_NOT_EXIST", run_id="0" * 32, status="FINISHED")


def test_deleting_and_restoring(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id
    client.log_param(run, "a", "1")
    client.delete_run(run)
    client.delete_run(run)
    assert client.get_run(run).info.lifecycle_stage == "deleted"
    assert client.search_runs([experiment]) == []
    assert [one.info.run_id for one in client.search_runs([experiment], run_view_type=2)] == [run]
    for change in (lambda: client.log_metric(run, "a", 1), lambda: client.log_param(run, "b", 1),
                   lambda: client.set_tag(run, "a", "b"), lambda: client.delete_tag(run, "mlflow.runName"),
                   lambda: client.update_run(run, status="FINISHED"),
                   lambda: client.log_batch(run, params=[Param("c", "1")])):
        assert "must be in the 'active' state" in refused(change)
    client.restore_run(run)
    client.restore_run(run)
    client.log_param(run, "b", "2")
    assert client.get_run(run).data.params == {"a": "1", "b": "2"}


def test_unknown_runs(client: MlflowClient, raw: Raw) -> None:
    for call in (lambda: client.get_run("f" * 32), lambda: client.delete_run("f" * 32),
                 lambda: client.log_metric("f" * 32, "a", 1), lambda: client.get_metric_history("f" * 32, "a")):
        assert "not found" in refused(call, "RESOURCE_DOES_NOT_EXIST")
    for text in ("../x", "a b", "x" * 257, "\x00", "a/b"):
        assert "run_id" in raw.refused("runs/log-parameter", run_id=text, key="a", value="b")
    refused(lambda: client.create_run("987654"), "RESOURCE_DOES_NOT_EXIST")
    refused(lambda: client.create_run("x"))


def test_params_are_written_once(client: MlflowClient, raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    client.log_param(run, "depth", 3)
    client.log_param(run, "depth", "3")
    message = raw.refused("runs/log-parameter", run_id=run, key="depth", value="4")
    assert "Changing param values is not allowed. Param with key='depth' was already logged with value='3'" in message
    raw.refused("runs/log-batch", run_id=run, params=[{"key": "new", "value": "1"}, {"key": "depth", "value": "5"}])
    assert raw.data(run)["params"] == {"depth": "3"}
    client.log_batch(run, params=[Param("depth", "3"), Param("new", "1")])
    assert raw.data(run)["params"] == {"depth": "3", "new": "1"}


def test_values_at_and_beyond_the_limits(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    for length, kept in ((5999, 5999), (6000, 6000), (6001, 6000)):
        raw.post("runs/log-parameter", run_id=run, key=f"p{length}", value="é" * length)
        assert raw.data(run)["params"][f"p{length}"] == "é" * kept
    for length, kept in ((7999, 7999), (8000, 8000), (8001, 8000)):
        raw.post("runs/set-tag", run_id=run, key=f"t{length}", value="🜁" * length)
        assert raw.data(run)["tags"][f"t{length}"] == "🜁" * kept
    raw.post("runs/log-parameter", run_id=run, key="empty", value="")
    raw.post("runs/log-parameter", run_id=run, key="none")
    assert raw.data(run)["params"]["empty"] == raw.data(run)["params"]["none"] == ""


@pytest.mark.parametrize("key", ["a", "a/b/c", "val loss", "a.b-c_d:e", "ü", "漢字/長", "x" * 250, "..a", "a..", " a"])
def test_keys_that_are_good(raw: Raw, experiment: str, key: str) -> None:
    if key == "..a":
        raw.refused("runs/set-tag", run_id=raw.run(experiment), key=key, value="v")
        return
    run = raw.run(experiment)
    raw.post("runs/set-tag", run_id=run, key=key, value="v")
    raw.post("runs/log-parameter", run_id=run, key=key, value="v")
    raw.post("runs/log-metric", run_id=run, key=key, value=1.5, timestamp=1)
    found = raw.data(run)
    assert (found["tags"][key], found["params"][key], found["metrics"][key]) == ("v", "v", 1.5)
    assert len(raw.get("metrics/get-history", run_id=run, metric_key=key)["metrics"]) == 1
    raw.post("runs/delete-tag", run_id=run, key=key)
    assert key not in raw.data(run)["tags"]


@pytest.mark.parametrize("key", ["a//b", "/a", "a/", ".", "..", "../a", "a/../b", "a/./b", "a/..", "a*b", "a\nb",
                                 "a?b", "a%b"])
def test_keys_that_are_refused(raw: Raw, experiment: str, key: str) -> None:
    run = raw.run(experiment)
    assert "for parameter 'key'" in raw.refused("runs/set-tag", run_id=run, key=key, value="v")
    assert "for parameter 'key'" in raw.refused("runs/log-parameter", run_id=run, key=key, value="v")
    assert "for parameter 'name'" in raw.refused("runs/log-metric", run_id=run, key=key, value=1, timestamp=1)
    assert "for parameter 'params[1].key'" in raw.refused(
        "runs/log-batch", run_id=run, params=[{"key": "good", "value": "1"}, {"key": key, "value": "1"}])
    assert raw.data(run)["params"] == {}


def test_keys_that_are_too_long(raw: Raw, experiment: str) -> None:
    run, key = raw.run(experiment), "x" * 251
    for path, more, name in (("set-tag", {"value": "v"}, "key"), ("log-parameter", {"value": "v"}, "key"),
                             ("log-metric", {"value": 1, "timestamp": 1}, "name")):
        assert f"'{name}' exceeds the maximum length of 250 characters" in raw.refused(
            f"runs/{path}", run_id=run, key=key, **more)


def test_tags(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment, tags={"a": "1"}).info.run_id
    client.set_tag(run, "a", "2")
    client.set_tag(run, "n", 5)
    client.set_tag(run, "text", "line\nbreak \"quoted\" \\ 'single' 漢")
    tags = client.get_run(run).data.tags
    assert (tags["a"], tags["n"], tags["text"]) == ("2", "5", "line\nbreak \"quoted\" \\ 'single' 漢")
    client.delete_tag(run, "a")
    assert "a" not in client.get_run(run).data.tags
    assert "No tag with name: a" in refused(lambda: client.delete_tag(run, "a"), "RESOURCE_DOES_NOT_EXIST")


def test_the_older_note_of_a_model(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    note = '{"artifact_path": "m", "flavors": {}, "utc_time_created": "now", "run_id": "r"}'
    raw.post("runs/log-model", run_id=run, model_json=note)
    raw.post("runs/log-model", run_id=run, model_json=note)
    assert raw.data(run)["tags"]["mlflow.log-model.history"].count('"artifact_path"') == 2
    assert "Malformed model info" in raw.refused("runs/log-model", run_id=run, model_json="{")
    large = json.dumps({**json.loads(note), "signature": "s" * 7000})
    for _ in range(3):
        raw.post("runs/log-model", run_id=run, model_json=large)
    assert len(json.loads(raw.data(run)["tags"]["mlflow.log-model.history"])) == 5
    for other in ("5", "[{", "null"):
        raw.post("runs/set-tag", run_id=run, key="mlflow.log-model.history", value=other)
        raw.post("runs/log-model", run_id=run, model_json=note)
        assert len(json.loads(raw.data(run)["tags"]["mlflow.log-model.history"])) == 1
    assert "missing mandatory fields" in raw.refused("runs/log-model", run_id=run, model_json="[]")


def test_parts_of_the_run_that_are_not_there_are_left_out(raw: Raw, experiment: str) -> None:
    run = raw.get("runs/get", run_id=raw.run(experiment, run_name="x"))["run"]
    assert "metrics" not in run["data"]
    assert "params" not in run["data"]
    assert "end_time" not in run["info"]
    assert run["info"]["run_uuid"] == run["info"]["run_id"]
    assert run == raw.get("/ajax-api/2.0/mlflow/runs/get", run_uuid=run["info"]["run_id"])["run"]


def test_who_opened_a_run(raw: Raw, experiment: str) -> None:
    run = raw.post("runs/create", experiment_id=experiment, user_id="emil", start_time=unique_time())["run"]
    assert run["info"]["user_id"] == "emil"


def unique_time() -> int:
    return 1_700_000_000_000 + int(unique("t").split("-")[1])
