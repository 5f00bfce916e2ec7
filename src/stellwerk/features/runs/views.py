"""Runs as clients read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from stellwerk.features import logged_models
from stellwerk.features.runs.repository import content, inputs
from stellwerk.features.runs.repository.runs import Run
from stellwerk.features.runs.service import artifact_root
from stellwerk.infra.tracking_database import Statements


# A page holds thousands of these; the collector need not look at any.
class Pair(msgspec.Struct, gc=False):
    """A param or tag."""

    key: str
    value: str


class Metric(msgspec.Struct, gc=False):
    """The latest point of a metric."""

    key: str
    value: float | str
    timestamp: int
    step: int


def info_of(run: Run) -> dict[str, Any]:
    """Return the head of a run."""
    info: dict[str, Any] = {
        "run_uuid": run.id, "run_id": run.id, "run_name": run.name, "experiment_id": str(run.experiment_id),
        "user_id": run.user_id, "status": run.status, "start_time": run.start_time, "artifact_uri": artifact_root(run),
        "lifecycle_stage": run.lifecycle}
    if run.end_time is not None:
        info["end_time"] = run.end_time
    return info


def metric_value(value: float, is_nan: int) -> float | str:
    """Return the value of a metric as JSON: a NaN by its name."""
    return "NaN" if is_nan else value


def entities(st: Statements, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return whole runs: head, latest metrics, params, tags, inputs and outputs."""
    numbers = [run.no for run in runs]
    data: dict[int, dict[str, Any]] = {number: {} for number in numbers}
    rows, names = content.rows_of(st, "latest_metric", numbers)
    for number, key, value, timestamp, step, is_nan in rows:
        data[number].setdefault("metrics", []).append(Metric(names[key], "NaN" if is_nan else value, timestamp, step))
    for part, table in (("params", "param"), ("tags", "run_tag")):
        rows, names = content.rows_of(st, table, numbers)
        for number, key, value in rows:
            data[number].setdefault(part, []).append(Pair(names[key], value))
    used = inputs.inputs_of(st, numbers)
    links = logged_models.links_of(st, [run.id for run in runs])
    found = []
    for run in runs:
        entity: dict[str, Any] = {"info": info_of(run), "data": data[run.no], "inputs": _inputs(used.get(run.no, ()))}
        for role, model_id, step in links.get(run.id, ()):
            if role == "input":
                entity["inputs"].setdefault("model_inputs", []).append({"model_id": model_id})
            else:
                entity.setdefault("outputs", {}).setdefault("model_outputs", []).append(
                    {"model_id": model_id, "step": step})
        found.append(entity)
    return found


def _inputs(used: Sequence[tuple[inputs.UsedDataset, list[tuple[str, str]]]]) -> dict[str, Any]:
    if not used:
        return {}
    return {"dataset_inputs": [
        {"tags": [{"key": key, "value": value} for key, value in tags],
         "dataset": {name: value for name, value in dataset._asdict().items() if value is not None}}
        for dataset, tags in used]}
