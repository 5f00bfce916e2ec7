"""Logged models as clients read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stellwerk.features.logged_models.repository import content
from stellwerk.features.logged_models.repository.content import ModelPoint
from stellwerk.features.logged_models.repository.models import LoggedModel
from stellwerk.features.logged_models.service import artifact_root
from stellwerk.infra.tracking_database import Statements
from stellwerk.protocols.mlflow.wire.logged_models import STATUSES, WIRE_STATUSES

_ON_WIRE = dict(zip(STATUSES, WIRE_STATUSES, strict=True))


def entities(st: Statements, models: Sequence[LoggedModel]) -> list[dict[str, Any]]:
    """Return whole models: head, tags, params, and all points of their metrics."""
    ids = [model.id for model in models]
    params, tags, points = content.params_of(st, ids), content.tags_of(st, ids), content.points_of(st, ids)
    found = []
    for model in models:
        info = _info_of(model)
        if tags[model.id]:
            info["tags"] = _pairs(tags[model.id])
        data: dict[str, Any] = {}
        if params[model.id]:
            data["params"] = _pairs(params[model.id])
        if points[model.id]:
            data["metrics"] = [_metric(point) for point in points[model.id]]
        found.append({"info": info, "data": data})
    return found


def _info_of(model: LoggedModel) -> dict[str, Any]:
    info: dict[str, Any] = {
        "model_id": model.id, "experiment_id": str(model.experiment_id), "name": model.name,
        "creation_timestamp_ms": model.created_at, "last_updated_timestamp_ms": model.updated_at,
        "artifact_uri": artifact_root(model), "status": _ON_WIRE[model.status]}
    for name in ("model_type", "source_run_id", "status_message"):
        if getattr(model, name):
            info[name] = getattr(model, name)
    return info


def _pairs(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs]


def _metric(point: ModelPoint) -> dict[str, Any]:
    metric: dict[str, Any] = {"key": point.key, "value": "NaN" if point.is_nan else point.value,
                              "timestamp": point.timestamp, "step": point.step, "model_id": point.model_id,
                              "run_id": point.run_id}
    if point.dataset_name:
        metric["dataset_name"] = point.dataset_name
    if point.dataset_digest:
        metric["dataset_digest"] = point.dataset_digest
    return metric
