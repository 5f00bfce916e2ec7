"""Logged models in MLflow's protocol."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stellwerk.features import experiments
from stellwerk.features.experiments import READ, WRITE
from stellwerk.features.logged_models import service, views
from stellwerk.features.logged_models.repository import content
from stellwerk.features.logged_models.repository import search as searching
from stellwerk.features.logged_models.repository.models import LoggedModel
from stellwerk.features.logged_models.repository.search import Dataset
from stellwerk.infra.http.raw import Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import limits, paging
from stellwerk.protocols.mlflow.decoding import check_items, invalid
from stellwerk.protocols.mlflow.search import Comparison, parse_logged_model_filter, parse_logged_model_order
from stellwerk.protocols.mlflow.wire import logged_models as wire
from stellwerk.protocols.mlflow.wire.experiments import Tag
from stellwerk.protocols.mlflow.wire.runs import Param

routes = mlflow_routes("/mlflow/logged-models")
_DEFAULT = 50
# What a client gets that asks for 0.
_UNNAMED = 100
_MOST = 50_000
_MOST_EXPERIMENTS = 10_000
_MOST_DATASETS = 100
# A page ends early rather than hold more points of metrics than this.
_MOST_POINTS = 100_000
_STATUS_NAMES = {**{str(number): name for number, name in enumerate(wire.STATUSES)},
                 **dict(zip(wire.WIRE_STATUSES, wire.STATUSES, strict=True))}


def _pairs(items: Sequence[Tag] | Sequence[Param] | None, path: str) -> list[tuple[str, str]]:
    check_items(items, path)
    return [(item.key or "", item.value or "") for item in items or ()]


def _id_of(call: Call, body: wire.LoggedModelById) -> str:
    if body.model_id and body.model_id != call.path["model_id"]:
        raise invalid("model_id", body.model_id[:100], "it is not the id in the address.")
    return call.path["model_id"]


def _answer(st: Statements, model: LoggedModel) -> dict[str, Any]:
    return {"model": views.entities(st, [model])[0]}


@routes.post("", allow(WRITE), wire.CreateLoggedModel)
async def create(call: Call, body: wire.CreateLoggedModel) -> dict[str, Any]:
    """Make a logged model, pending until its artifacts are there."""
    number = experiments.parse_id(body.experiment_id)
    params, tags = _pairs(body.params, "params"), _pairs(body.tags, "tags")
    return await call.tracking.write_async(lambda st: _answer(st, service.create_model(
        st, call.actor, number, name=body.name or None, model_type=body.model_type or "",
        source_run_id=body.source_run_id or "", params=params, tags=tags)))


@routes.get("/{model_id}", allow(READ), wire.GetLoggedModel)
async def get(call: Call, body: wire.GetLoggedModel) -> dict[str, Any]:
    """Return a logged model."""
    deleted = (body.allow_deleted or "").lower() == "true"
    # Not at once as other reads by id: a model may have very many points.
    return await call.tracking.read_async(lambda st: _answer(st, service.get_model(
        st, call.path["model_id"], call.actor, deleted=deleted)))


@routes.patch("/{model_id}", allow(WRITE), wire.FinalizeLoggedModel)
async def finalize(call: Call, body: wire.FinalizeLoggedModel) -> dict[str, Any]:
    """Give a logged model its status."""
    model_id, status = _id_of(call, body), _status_named(body.status)
    changed = await call.tracking.write_async(lambda st: service.finalize(st, call.actor, model_id, status))
    return await call.tracking.read_async(lambda st: _answer(st, changed))


def _status_named(status: str | int | None) -> str:
    known = _STATUS_NAMES.get(str(status))
    if known is None:
        raise invalid("status", status, f"it is one of {', '.join(wire.WIRE_STATUSES)}.")
    return known


@routes.delete("/{model_id}", allow(WRITE), wire.LoggedModelById)
async def delete(call: Call, body: wire.LoggedModelById) -> dict[str, Any]:
    """Mark a logged model as deleted."""
    model_id = _id_of(call, body)
    await call.tracking.write_async(lambda st: service.delete(st, call.actor, model_id))
    return {}


@routes.patch("/{model_id}/tags", allow(WRITE), wire.SetLoggedModelTags)
async def set_tags(call: Call, body: wire.SetLoggedModelTags) -> dict[str, Any]:
    """Set tags of a logged model."""
    model_id, tags = _id_of(call, body), _pairs(body.tags, "tags")
    await call.tracking.write_async(lambda st: service.set_tags(st, call.actor, model_id, tags))
    return {}


# Clients leave slashes in a key as they are.
@routes.delete("/{model_id}/tags/{tag_key:path}", allow(WRITE), wire.LoggedModelById)
async def delete_tag(call: Call, body: wire.LoggedModelById) -> dict[str, Any]:
    """Remove a tag of a logged model."""
    model_id = _id_of(call, body)
    await call.tracking.write_async(lambda st: service.delete_tag(st, call.actor, model_id, call.path["tag_key"]))
    return {}


@routes.post("/{model_id}/params", allow(WRITE), wire.LogLoggedModelParams)
async def log_params(call: Call, body: wire.LogLoggedModelParams) -> dict[str, Any]:
    """Add params to a logged model."""
    model_id, params = _id_of(call, body), _pairs(body.params, "params")
    await call.tracking.write_async(lambda st: service.log_params(st, call.actor, model_id, params))
    return {}


@routes.post("/search", allow(READ), wire.SearchLoggedModels)
async def search(call: Call, body: wire.SearchLoggedModels) -> dict[str, Any]:
    """Search logged models."""
    filters = [_with_status(one) for one in parse_logged_model_filter(body.filter)]
    order = parse_logged_model_order([
        {"field_name": entry.field_name or "", "ascending": entry.ascending, "dataset_name": entry.dataset_name,
         "dataset_digest": entry.dataset_digest} for entry in body.order_by or ()])
    datasets = _datasets(body.datasets or ())
    size = paging.page_size(_UNNAMED if body.max_results == 0 else body.max_results, _DEFAULT, _MOST)
    wanted = sorted({experiments.parse_id(one) for one in body.experiment_ids or ()})
    if len(wanted) > _MOST_EXPERIMENTS:
        raise BadInput(f"At most {_MOST_EXPERIMENTS} experiments can be searched at once.", field="experiment_ids")
    mark = paging.query_mark("logged models", wanted, body.filter, order, datasets)
    position = paging.read_token(body.page_token, mark, searching.token_kinds(order))

    def query(st: Statements) -> dict[str, Any]:
        ids = [one.id for one in experiments.visible(st, call.actor, wanted)]
        found, places = searching.search(st, ids, filters, datasets, order, position, size + 1)
        shown = _that_fit(st, found[:size])
        answer: dict[str, Any] = {"models": views.entities(st, found[:shown])}
        if len(found) > shown:
            answer["next_page_token"] = paging.make_token(mark, places[shown - 1])
        return answer

    return await call.tracking.read_async(query)


def _with_status(comparison: Comparison) -> Comparison:
    """Return a comparison with a status as it is kept, where it names one in the words or numbers of the wire."""
    if comparison.kind != "attribute" or comparison.key != "status" or "LIKE" in comparison.op:
        return comparison
    value = comparison.value
    if isinstance(value, tuple):
        return replace(comparison, value=tuple(_STATUS_NAMES.get(one, one) for one in value))
    return replace(comparison, value=_STATUS_NAMES.get(str(value), value))


def _datasets(asked: Sequence[wire.DatasetOfMetrics]) -> list[Dataset]:
    if len(asked) > _MOST_DATASETS:
        raise BadInput(f"At most {_MOST_DATASETS} data sets can be named.", field="datasets", allowed=_MOST_DATASETS)
    found = []
    for dataset in asked:
        if not dataset.dataset_name:
            raise BadInput("`dataset_name` in the `datasets` clause must be specified.", field="datasets")
        found.append(Dataset(limits.check_text(dataset.dataset_name, "datasets"),
                             limits.check_text(dataset.dataset_digest or "", "datasets")))
    return found


def _that_fit(st: Statements, found: Sequence[LoggedModel]) -> int:
    """Return how many of the models a page may hold, at least one where there is one."""
    counts, points = content.count_points(st, [model.id for model in found]), 0
    for number, model in enumerate(found):
        points += counts[model.id]
        if points > _MOST_POINTS and number:
            return number
    return len(found)
