"""Data sets that runs used."""

from __future__ import annotations

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

from tests.tracking.serving import Raw


def used(name: str, digest: str = "d1", context: str = "train", **more: str) -> dict[str, object]:
    return {"tags": [{"key": "mlflow.data.context", "value": context}],
            "dataset": {"name": name, "digest": digest, "source_type": "local", "source": "here"} | more}


def test_a_frame_as_input(client: MlflowClient, experiment: str) -> None:
    data = mlflow.data.from_pandas(pd.DataFrame({"x": [1, 2], "y": [0.5, 1.5]}), source="s.csv", name="few",
                                   targets="y")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_input(data, context="training", tags={"slice": "north"})
    found = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert len(found) == 1
    assert (found[0].dataset.name, found[0].dataset.digest) == ("few", data.digest)
    assert {tag.key: tag.value for tag in found[0].tags} == {"mlflow.data.context": "training", "slice": "north"}
    assert "num_rows" in found[0].dataset.profile
    assert mlflow.data.get_source(found[0].dataset).to_dict() == {"uri": "s.csv"}


def test_inputs_read_back_and_are_kept_once(client: MlflowClient, raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    data = DatasetInput(Dataset("a", "d1", "local", "src", schema="{}", profile="{}"), [InputTag("k", "v")])
    client.log_inputs(run, [data])
    client.log_inputs(run, [data])
    raw.post("runs/log-inputs", run_id=run, datasets=[used("b"), used("b"), used("b", "d2")])
    found = client.get_run(run).inputs.dataset_inputs
    assert [(one.dataset.name, one.dataset.digest) for one in found] == [("a", "d1"), ("b", "d1"), ("b", "d2")]
    assert dict(found[0].dataset) == dict(data.dataset)


def test_summaries(raw: Raw) -> None:
    first, second = raw.experiment(), raw.experiment()
    for experiment, context in ((first, "train"), (first, "test"), (second, "train")):
        raw.post("runs/log-inputs", run_id=raw.run(experiment), datasets=[used("a", context=context)])
    raw.post("runs/log-inputs", run_id=raw.run(first), datasets=[used("b") | {"tags": []}])
    found = raw.post("experiments/search-datasets", experiment_ids=[first, second])["dataset_summaries"]
    assert found == [{"experiment_id": first, "name": "a", "digest": "d1", "context": "test"},
                     {"experiment_id": first, "name": "a", "digest": "d1", "context": "train"},
                     {"experiment_id": first, "name": "b", "digest": "d1"},
                     {"experiment_id": second, "name": "a", "digest": "d1", "context": "train"}]


def test_lengths(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    raw.post("runs/log-inputs", run_id=run, datasets=[used("n" * 500, "d" * 36, source="s" * 65_535)])
    for name, value in (("name", "n" * 501), ("digest", "d" * 37), ("source", "s" * 65_536),
                        ("schema", "s" * 1_048_576)):
        assert "exceeds the maximum length" in raw.refused(
            "runs/log-inputs", run_id=run, datasets=[used("x", **{name: value})] if name not in ("name", "digest") else [
                used(value) if name == "name" else used("x", value)])
    # A profile may be larger than the body of most calls.
    raw.post("runs/log-inputs", run_id=run, datasets=[used("big", profile="p" * 3_000_000)])
    assert len(raw.get("runs/get", run_id=run)["run"]["inputs"]["dataset_inputs"]) == 2


def test_several_are_whole_or_absent(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    raw.refused("runs/log-inputs", run_id=run, datasets=[used("a")], models=[{"model_id": "../x"}])
    raw.refused("runs/log-inputs", run_id=run, datasets=[used("a"), used("b", "d" * 37)])
    assert raw.get("runs/get", run_id=run)["run"]["inputs"] == {}
