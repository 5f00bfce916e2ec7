"""Logged models through the stock client: from their making to their end, with metrics on data sets and searches."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import LoggedModelInput, LoggedModelOutput, LoggedModelStatus, Metric

from tests.tracking.serving import unique
from tests.tracking.wording import refused

# name: points as (key, value, timestamp, step, data set, digest)
POINTS: dict[str, list[tuple[str, float, int, int, str | None, str | None]]] = {
    "alpha": [("acc", 0.5, 10, 0, None, None), ("acc", 0.9, 20, 1, "train", "d1"), ("acc", 0.2, 30, 2, "test", "d2")],
    "beta": [("acc", 0.6, 10, 0, "train", "d1"), ("acc", 0.7, 40, 1, "test", "d3"), ("loss", 1.5, 40, 0, None, None)],
    "gamma": [("loss", math.inf, 1, 0, None, None), ("f1", 0.4, 5, 1, "train", "d9")],
}


@pytest.fixture
def ids(client: MlflowClient, experiment: str) -> dict[str, str]:
    """The ids of three models by name, the last one is the newest."""
    made = {}
    for name, params, tags in (("alpha", {"lr": "0.1", "opt": "adam"}, {"rel": "v1"}),
                               ("beta", {"lr": "0.2", "opt": "sgd"}, {"rel": "v2"}), ("gamma", {"lr": "0.3"}, None)):
        model = client.create_logged_model(experiment, name=name, params=params, tags=tags)
        made[name] = model.model_id
        # The next one shall be newer by the clock, of which a search sees milliseconds.
        while time.time_ns() // 1_000_000 <= model.creation_timestamp:
            pass
    run = client.create_run(experiment).info.run_id
    for name, points in POINTS.items():
        client.log_batch(run, metrics=[
            Metric(key, value, timestamp, step, model_id=made[name], dataset_name=dataset, dataset_digest=digest)
            for key, value, timestamp, step, dataset, digest in points])
    client.finalize_logged_model(made["alpha"], "READY")
    client.finalize_logged_model(made["beta"], LoggedModelStatus.FAILED)
    return made


@pytest.fixture
def names(client: MlflowClient, experiment: str, ids: dict[str, str]) -> Callable[..., str]:
    """Searches the three models and returns the first letters of their names, one page after the other."""

    def search(**asked: Any) -> str:
        found, token = "", None
        while True:
            page = client.search_logged_models([experiment], page_token=token, max_results=2, **asked)
            found += "".join(model.name[0] for model in page)
            token = page.token
            if not token:
                return found

    return search


def test_a_model_from_making_to_its_end(client: MlflowClient, experiment: str) -> None:
    made = client.create_logged_model(experiment, name="churn", params={f"p{n}": str(n) for n in range(250)},
                                      tags={"stage": "dev"}, model_type="tree")
    assert (made.status, len(made.params), made.tags, made.model_type) == ("PENDING", 250, {"stage": "dev"}, "tree")
    assert made.artifact_location == f"mlflow-artifacts:/{experiment}/models/{made.model_id}/artifacts"

    assert client.finalize_logged_model(made.model_id, "READY").status == "READY"
    client.set_logged_model_tags(made.model_id, {"stage": "live", "a b/c": "1"})
    client.delete_logged_model_tag(made.model_id, "a b/c")
    client.log_model_params(made.model_id, {"late": "1"})
    found = client.get_logged_model(made.model_id)
    assert (found.tags, found.params["late"], found.creation_timestamp) == (
        {"stage": "live"}, "1", made.creation_timestamp)

    client.delete_logged_model(made.model_id)
    assert "not found" in refused(lambda: client.get_logged_model(made.model_id), "RESOURCE_DOES_NOT_EXIST")
    assert client.search_logged_models([experiment]) == []


def test_fluent_functions_make_a_model_with_a_place_of_its_own(client: MlflowClient) -> None:
    mlflow.set_experiment(unique("fluent"))

    made = mlflow.initialize_logged_model(name="chain", params={"k": "3"})
    outside = mlflow.create_external_model(name="outside")
    active = mlflow.set_active_model(name="active")
    with mlflow.start_run():
        mlflow.log_metric("auc", 0.75, step=2)

    assert mlflow.finalize_logged_model(made.model_id, "FAILED").status == "FAILED"
    assert outside.tags["mlflow.model.isExternal"] == "true"
    assert [model.name for model in mlflow.search_logged_models(output_format="list")] == ["active", "outside", "chain"]
    assert [(one.key, one.value, one.step) for one in mlflow.get_logged_model(active.model_id).metrics or ()] == [("auc", 0.75, 2)]
    mlflow.clear_active_model()


def test_points_of_metrics_keep_their_data_set(client: MlflowClient, ids: dict[str, str]) -> None:
    def points(name: str) -> list[tuple[object, ...]]:
        return [(one.key, one.value, one.timestamp, one.step, one.dataset_name, one.dataset_digest)
                for one in client.get_logged_model(ids[name]).metrics or ()]

    assert points("alpha") == POINTS["alpha"]
    assert points("gamma") == [POINTS["gamma"][1], ("loss", 1.7976931348623157e308, 1, 0, None, None)]


@pytest.mark.parametrize(("asked", "found"), [
    ("name = 'alpha'", "a"), ("name LIKE 'be%'", "b"), ("name ILIKE 'GA%'", "g"), ("name IN ('alpha', 'gamma')", "ga"),
    ("metrics.acc > 0.6", "ba"), ("metrics.acc != 0.5", "ba"), ("metrics.loss > 100", "g"), ("params.lr = 0.1", "a"),
    ("params.opt != 'adam'", "b"), ("tags.rel IN ('v1', 'v2')", "ba"), ("status = 'FAILED'", "b"),
    ("creation_timestamp > 0 AND metrics.acc < 0.3", "a"), ("metrics.`acc` > 0.95", "")])
def test_filters(names: Callable[..., str], asked: str, found: str) -> None:
    assert names(filter_string=asked) == found


@pytest.mark.parametrize(("datasets", "asked", "found"), [
    ([("train", "d1")], None, "ba"), ([("train", None)], None, "gba"), ([("train", "d1")], "metrics.acc > 0.65", "a"),
    ([("test", "d2"), ("train", "d9")], None, "ga"), ([("nope", None)], None, "")])
def test_data_sets_narrow_what_a_metric_says(names: Callable[..., str], datasets: list[tuple[str, str | None]],
                                             asked: str | None, found: str) -> None:
    assert names(filter_string=asked, datasets=[
        {"dataset_name": name} | ({} if digest is None else {"dataset_digest": digest}) for name, digest in datasets]
    ) == found


@pytest.mark.parametrize(("order", "found"), [
    ({"field_name": "name"}, "abg"), ({"field_name": "name", "ascending": False}, "gba"),
    ({"field_name": "creation_time"}, "abg"), ({"field_name": "metrics.acc"}, "abg"),
    ({"field_name": "metrics.acc", "ascending": False}, "bag"), ({"field_name": "status"}, "gab"),
    ({"field_name": "metrics.acc", "dataset_name": "train"}, "bag"),
    ({"field_name": "metrics.acc", "dataset_name": "test", "dataset_digest": "d3"}, "bga")])
def test_orders_put_models_without_a_value_last(names: Callable[..., str], order: dict[str, object], found: str) -> None:
    assert names(order_by=[order]) == found


@pytest.mark.parametrize("asked", [
    {"filter_string": "accuracy > 1"}, {"filter_string": "foo.bar = 1"}, {"filter_string": "name > 'a'"},
    {"filter_string": "metrics.acc > 'x'"}, {"order_by": [{"field_name": "params.lr"}]},
    {"order_by": [{"field_name": "nope"}]}, {"datasets": [{"dataset_name": ""}]}])
def test_searches_that_are_refused(names: Callable[..., str], asked: dict[str, object]) -> None:
    refused(lambda: names(**asked))


def test_runs_name_what_they_used_and_made(client: MlflowClient, experiment: str, ids: dict[str, str]) -> None:
    run = client.create_run(experiment).info.run_id
    client.log_inputs(run, models=[LoggedModelInput(ids["alpha"])])
    client.log_outputs(run, [LoggedModelOutput(ids["beta"], 3)])

    found = client.get_run(run)
    assert found.inputs is not None
    assert found.outputs is not None
    assert [one.model_id for one in found.inputs.model_inputs] == [ids["alpha"]]
    assert [(one.model_id, one.step) for one in found.outputs.model_outputs] == [(ids["beta"], 3)]


def test_a_metric_of_no_model_is_refused_whole(client: MlflowClient, experiment: str) -> None:
    run = client.create_run(experiment).info.run_id

    refused(lambda: client.log_metric(run, "auc", 1.0, model_id="m-" + "0" * 32), "RESOURCE_DOES_NOT_EXIST")
    refused(lambda: client.log_batch(run, [Metric("auc", 1.0, 1, 0, model_id="m-none")]), "RESOURCE_DOES_NOT_EXIST")
    assert client.get_run(run).data.metrics == {}


@pytest.mark.parametrize("name", ["a/b", "a:b", "a.b", "a%b", "a'b", 'a"b'])
def test_names_that_are_refused(client: MlflowClient, experiment: str, name: str) -> None:
    assert "Invalid model name" in refused(lambda: client.create_logged_model(experiment, name=name))
