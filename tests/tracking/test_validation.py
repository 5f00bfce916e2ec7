"""What is wrong with a request is said in the words that clients of MLflow know, with the path of the part at fault."""

from __future__ import annotations

import pytest

from tests.tracking.serving import Raw, unique

MISSING = "Missing value for required parameter '{}'"
INVALID = "Invalid value {} for parameter '{}' supplied"


@pytest.mark.parametrize(("path", "body", "wrong", "shown", "parameter"), [
    ("experiments/create", {"name": "x"}, {"name": 123}, "123", "name"),
    ("experiments/create", {"name": "x"}, {"artifact_location": 12}, "12", "artifact_location"),
    ("experiments/create", {"name": "x"}, {"tags": "foo"}, '"foo"', "tags"),
    ("experiments/create", {"name": "x"}, {"tags": [{"key": 1}]}, "1", "tags[0].key"),
    ("experiments/delete", {}, {"experiment_id": {"a": 1}}, '{"a":1}', "experiment_id"),
    ("experiments/update", {"experiment_id": "0"}, {"new_name": []}, "[]", "new_name"),
    ("runs/create", {"experiment_id": "0"}, {"start_time": "soon"}, '"soon"', "start_time"),
    ("runs/create", {"experiment_id": "0"}, {"run_name": 3}, "3", "run_name"),
    ("runs/create", {"experiment_id": "0"}, {"start_time": 1.5}, "1.5", "start_time"),
    ("runs/update", {"run_id": "RUN"}, {"end_time": "never"}, '"never"', "end_time"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 1}, {"run_id": 31}, "31", "run_id"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 1}, {"key": 31}, "31", "key"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 1}, {"value": "Bear"}, '"Bear"', "value"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 1}, {"timestamp": "x"}, '"x"', "timestamp"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 1}, {"step": "x"}, '"x"', "step"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 1}, {"step": [1]}, "[1]", "step"),
    ("runs/log-parameter", {"run_id": "RUN", "key": "p"}, {"value": 41}, "41", "value"),
    ("runs/set-tag", {"run_id": "RUN", "key": "t"}, {"value": 41}, "41", "value"),
    ("runs/log-batch", {"run_id": "RUN"}, {"metrics": "foo"}, '"foo"', "metrics"),
    ("runs/log-batch", {"run_id": "RUN"}, {"params": "foo"}, '"foo"', "params"),
    ("runs/log-batch", {"run_id": "RUN"}, {"tags": "foo"}, '"foo"', "tags"),
    ("runs/log-batch", {"run_id": "RUN"}, {"metrics": [{"key": "a", "value": 1, "timestamp": 1}, {"key": []}]}, "[]",
     "metrics[1].key"),
    ("runs/search", {}, {"experiment_ids": 5}, "5", "experiment_ids"),
    ("runs/search", {}, {"experiment_ids": [5]}, "5", "experiment_ids[0]"),
    ("runs/search", {}, {"max_results": "foo"}, '"foo"', "max_results"),
    ("runs/search", {}, {"filter": 7}, "7", "filter"),
    ("runs/search", {}, {"order_by": "start_time"}, '"start_time"', "order_by"),
    ("experiments/search", {}, {"max_results": 1.5}, "1.5", "max_results"),
    ("logged-models", {"experiment_id": "0"}, {"params": 1}, "1", "params"),
    ("registered-models/create", {"name": "x"}, {"name": 1}, "1", "name"),
])
def test_values_of_another_type(raw: Raw, experiment: str, path: str, body: dict[str, object],
                                wrong: dict[str, object], shown: str, parameter: str) -> None:
    run = raw.run(experiment) if "RUN" in body.values() else ""
    sent = {key: run if value == "RUN" else value for key, value in body.items()} | wrong
    message = raw.refused(path, **sent)
    assert INVALID.format(shown, parameter) in message
    assert "See the API docs for more information about request parameters." in message


@pytest.mark.parametrize(("path", "body", "parameter"), [
    ("experiments/create", {}, "name"), ("experiments/create", {"name": ""}, "name"),
    ("experiments/create", {"name": "x", "tags": [{"value": "v"}]}, "tags[0].key"),
    ("experiments/delete", {}, "experiment_id"), ("experiments/restore", {}, "experiment_id"),
    ("experiments/update", {"experiment_id": "0"}, "new_name"), ("experiments/update", {"new_name": "x"}, "experiment_id"),
    ("experiments/set-experiment-tag", {"experiment_id": "0"}, "key"),
    ("runs/update", {}, "run_id"), ("runs/delete", {}, "run_id"), ("runs/restore", {}, "run_id"),
    ("runs/log-metric", {"key": "m", "value": 1, "timestamp": 1}, "run_id"),
    ("runs/log-metric", {"run_id": "RUN", "value": 1, "timestamp": 1}, "key"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "timestamp": 1}, "value"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1}, "timestamp"),
    ("runs/log-parameter", {"run_id": "RUN", "value": "v"}, "key"), ("runs/set-tag", {"run_id": "RUN", "value": "v"}, "key"),
    ("runs/delete-tag", {"run_id": "RUN"}, "key"), ("runs/log-batch", {"metrics": []}, "run_id"),
    ("runs/log-batch", {"run_id": "RUN", "metrics": [{"value": 1, "timestamp": 1}]}, "metrics[0].key"),
    ("runs/log-batch", {"run_id": "RUN", "metrics": [{"key": "m", "timestamp": 1}]}, "metrics[0].value"),
    ("runs/log-batch", {"run_id": "RUN", "metrics": [{"key": "m", "value": 1}]}, "metrics[0].timestamp"),
    ("runs/log-batch", {"run_id": "RUN", "params": [{"key": "a", "value": "b"}, {"value": "v"}]}, "params[1].key"),
    ("runs/log-batch", {"run_id": "RUN", "tags": [{"value": "v"}]}, "tags[0].key"),
    ("runs/log-inputs", {"run_id": "RUN", "datasets": [{"tags": []}]}, "datasets[0].dataset"),
    ("runs/log-inputs", {"run_id": "RUN", "datasets": [{"dataset": {"name": "x"}}]}, "datasets[0].dataset"),
    ("runs/log-model", {"run_id": "RUN"}, "model_json"), ("registered-models/create", {}, "name"),
    ("model-versions/create", {"source": "x"}, "name"), ("model-versions/create", {"name": "x"}, "source"),
    ("logged-models", {}, "experiment_id"), ("logged-models/search", {}, "experiment_ids"),
])
def test_values_that_are_missing(raw: Raw, experiment: str, path: str, body: dict[str, object], parameter: str) -> None:
    run = raw.run(experiment) if "RUN" in body.values() else ""
    message = raw.refused(path, **{key: run if value == "RUN" else value for key, value in body.items()})
    assert MISSING.format(parameter)[:-1] in message


@pytest.mark.parametrize(("path", "query", "parameter"), [
    ("experiments/get", {}, "experiment_id"), ("experiments/get-by-name", {}, "experiment_name"), ("runs/get", {}, "run_id"),
    ("metrics/get-history", {"run_id": "a" * 32}, "metric_key"),
    ("metrics/get-history-bulk-interval", {"metric_key": "m"}, "run_ids"), ("registered-models/get", {}, "name"),
    ("model-versions/get", {"name": "x"}, "version"),
])
def test_query_parameters_that_are_missing(raw: Raw, path: str, query: dict[str, str], parameter: str) -> None:
    assert MISSING.format(parameter) in raw.refused(path, method="GET", **query)


def test_numbers_may_be_texts(raw: Raw, experiment: str) -> None:
    """Clients in some languages write 64-bit numbers as texts, and so does the standard form of these messages."""
    run = raw.run(experiment, start_time="17")
    raw.post("runs/log-metric", run_id=run, key="m", value="1.5", timestamp="1", step="-2")
    raw.post("runs/update", run_id=run, end_time="18", status=3)
    found = raw.get("runs/get", run_id=run)["run"]
    assert (found["info"]["start_time"], found["info"]["end_time"], found["info"]["status"]) == (17, 18, "FINISHED")
    assert found["data"]["metrics"] == [{"key": "m", "value": 1.5, "timestamp": 1, "step": -2}]
    assert len(raw.post("runs/search", experiment_ids=[experiment], max_results="1")["runs"]) == 1


def test_null_is_as_good_as_nothing(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment, run_name=None, tags=None, start_time=None, user_id=None)
    raw.post("runs/log-batch", run_id=run, metrics=None, params=None, tags=None)
    raw.post("runs/search", experiment_ids=[experiment], filter=None, order_by=None, max_results=None, page_token=None)
    assert MISSING.format("name") in raw.refused("experiments/create", name=None)


def test_values_with_any_character_read_back(raw: Raw, experiment: str) -> None:
    text = "".join(chr(code) for code in (*range(1, 0x250), 0x2028, 0xFEFF, 0xFFFD, 0x1F600, 0x10FFFF))
    run = raw.run(experiment)
    raw.post("runs/set-tag", run_id=run, key="t", value=text)
    raw.post("runs/log-parameter", run_id=run, key="p", value=text)
    assert (raw.data(run)["tags"]["t"], raw.data(run)["params"]["p"]) == (text, text)
    name = unique("Ä 漢 😀 \u202e")
    raw.experiment(name)
    assert raw.get("experiments/get-by-name", experiment_name=name)["experiment"]["name"] == name
