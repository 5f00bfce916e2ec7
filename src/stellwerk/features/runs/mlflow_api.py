"""Runs in MLflow's protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from stellwerk.features import experiments
from stellwerk.features.experiments import READ, WRITE
from stellwerk.features.runs import reading_requests as reading
from stellwerk.features.runs import service, views
from stellwerk.features.runs.repository import content
from stellwerk.features.runs.repository import search as searching
from stellwerk.features.runs.repository.runs import Run
from stellwerk.infra.http.raw import Answer, Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import limits, paging
from stellwerk.protocols.mlflow.decoding import check_items, encode, invalid
from stellwerk.protocols.mlflow.search import parse_run_filter, parse_run_order
from stellwerk.protocols.mlflow.wire import runs as wire

routes = mlflow_routes("/mlflow/runs")
_MOST = 50_000
_MOST_EXPERIMENTS = 10_000
_PART = 200
_PAGE_BYTES = 64 << 20
_MODELS_TAG = "mlflow.log-model.history"
_MODELS_LENGTH = 1 << 20


@routes.post("/create", allow(WRITE), wire.CreateRun)
async def create(call: Call, body: wire.CreateRun) -> dict[str, Any]:
    """Open a run."""
    number = experiments.parse_id(body.experiment_id or "0")
    tags = reading.tags_of(body.tags or ())
    name = limits.check_text((body.run_name or "")[:limits.TAG_LENGTH], "run_name")
    user = limits.check_text((body.user_id or "")[:256], "user_id")
    start = limits.check_int64(body.start_time or 0, "start_time")

    def change(st: Statements) -> Run:
        return service.create_run(st, call.actor, number, name=name or None, user=user, start_time=start, tags=tags)

    made = await call.tracking.write_async(change)
    named = {**dict(tags), service.NAME_TAG: made.name}
    return {"run": {"info": views.info_of(made), "inputs": {}, "data": {
        "tags": [{"key": key, "value": value} for key, value in sorted(named.items())]}}}


@routes.get("/get", allow(READ), wire.RunById)
async def get(call: Call, body: wire.RunById) -> Answer:
    """Return a run."""
    limits.check_run_id(body.id)

    def query(st: Statements) -> Answer:
        found = views.entities(st, [service.get_run(st, body.id, call.actor)])[0]
        return Answer(b'{"run":' + encode(found) + b"}")

    # A run may hold megabytes of schemas and profiles, so not even its JSON is made on the event loop.
    return await call.tracking.read_async(query)


@routes.post("/update", allow(WRITE), wire.UpdateRun)
async def update(call: Call, body: wire.UpdateRun) -> dict[str, Any]:
    """Change status, end or name of a run."""
    limits.check_run_id(body.id)
    status = service.status_name(body.status)
    end = None if body.end_time is None else limits.check_int64(body.end_time, "end_time")
    name = limits.check_text((body.run_name or "")[:limits.TAG_LENGTH], "run_name") or None
    changed = await call.tracking.write_async(lambda st: service.update_run(
        st, call.actor, body.id, status=status, end_time=end, name=name))
    return {"run_info": views.info_of(changed)}


@routes.post("/delete", allow(WRITE), wire.RunById)
async def delete(call: Call, body: wire.RunById) -> dict[str, Any]:
    """Mark a run as deleted."""
    limits.check_run_id(body.id)
    await call.tracking.write_async(lambda st: service.set_lifecycle(st, call.actor, body.id, "deleted"))
    return {}


@routes.post("/restore", allow(WRITE), wire.RunById)
async def restore(call: Call, body: wire.RunById) -> dict[str, Any]:
    """Bring a deleted run back."""
    limits.check_run_id(body.id)
    await call.tracking.write_async(lambda st: service.set_lifecycle(st, call.actor, body.id, "active"))
    return {}


@routes.post("/log-metric", allow(WRITE), wire.LogMetric)
async def log_metric(call: Call, body: wire.LogMetric) -> dict[str, Any]:
    """Log one point."""
    limits.check_run_id(body.id)
    point = reading.point_of(body)
    of_model = reading.model_point_of(body, point)
    await call.tracking.write_async(lambda st: service.log(
        st, call.actor, body.id, points=[point], model_points=[] if of_model is None else [of_model]))
    return {}


@routes.post("/log-parameter", allow(WRITE), wire.LogParam)
async def log_param(call: Call, body: wire.LogParam) -> dict[str, Any]:
    """Log one param."""
    limits.check_run_id(body.id)
    param = reading.param_of(body)
    await call.tracking.write_async(lambda st: service.log(st, call.actor, body.id, params=[param]))
    return {}


@routes.post("/set-tag", allow(WRITE), wire.SetTag)
async def set_tag(call: Call, body: wire.SetTag) -> dict[str, Any]:
    """Set one tag."""
    limits.check_run_id(body.id)
    tag = reading.tag_of(body.key, body.value)
    await call.tracking.write_async(lambda st: service.log(st, call.actor, body.id, tags=[tag]))
    return {}


@routes.post("/delete-tag", allow(WRITE), wire.DeleteTag)
async def delete_tag(call: Call, body: wire.DeleteTag) -> dict[str, Any]:
    """Remove one tag."""
    limits.check_run_id(body.id)
    await call.tracking.write_async(lambda st: service.delete_tag(st, call.actor, body.id, body.key or ""))
    return {}


@routes.post("/log-batch", allow(WRITE), wire.LogBatch)
async def log_batch(call: Call, body: wire.LogBatch) -> dict[str, Any]:
    """Log many things at once: all or none."""
    limits.check_run_id(body.id)
    limits.check_batch({"metrics": len(body.metrics or ()), "params": len(body.params or ()),
                        "tags": len(body.tags or ())})
    points, of_models = reading.points_of(body.metrics or ())
    params, tags = reading.params_of(body.params or ()), reading.tags_of(body.tags or ())
    await call.tracking.write_async(lambda st: service.log(
        st, call.actor, body.id, points=points, params=params, tags=tags, model_points=of_models))
    return {}


@routes.post("/log-inputs", allow(WRITE), wire.LogInputs, limit=20 << 20)
async def log_inputs(call: Call, body: wire.LogInputs) -> dict[str, Any]:
    """Note the data sets and logged models that a run used."""
    limits.check_run_id(body.id)
    used = reading.used_of(body.datasets or ())
    check_items(body.models, "models")
    models = [model.model_id or "" for model in body.models or ()]
    await call.tracking.write_async(lambda st: service.log_inputs(st, call.actor, body.id, used, models))
    return {}


@routes.post("/outputs", allow(WRITE), wire.LogOutputs)
async def log_outputs(call: Call, body: wire.LogOutputs) -> dict[str, Any]:
    """Note the logged models that a run made."""
    limits.check_run_id(body.id)
    check_items(body.models, "models")
    models = [(model.model_id or "", limits.check_int64(model.step or 0, "step")) for model in body.models or ()]
    await call.tracking.write_async(lambda st: service.log_outputs(st, call.actor, body.id, models))
    return {}


def _noted(known: str | None) -> list[Any]:
    """Return the models that the tag of a run lists; none where it holds something else."""
    try:
        listed = json.loads(known or "[]")
    except (ValueError, RecursionError):
        return []
    return listed if isinstance(listed, list) else []


@routes.post("/log-model", allow(WRITE), wire.LogModel)
async def log_model(call: Call, body: wire.LogModel) -> dict[str, Any]:
    """Note a model in the older way, as a tag of its run."""
    limits.check_run_id(body.id)
    try:
        model = json.loads(body.model_json or "")
    except (ValueError, RecursionError):
        raise BadInput(f"Malformed model info. \n {(body.model_json or '')[:500]} \n is not a valid JSON.",
                       field="model_json") from None
    lacking = {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(
        model if isinstance(model, dict) else ())
    if lacking:
        raise BadInput(f"Model json is missing mandatory fields: {lacking}", field="model_json")

    def change(st: Statements) -> None:
        found = service.writable_run(st, body.id, call.actor)
        noted = _noted(content.tag(st, found.no, _MODELS_TAG))
        value = json.dumps([*noted, model])
        # Never cut as other tags are: half of a list could not be read again.
        if len(value) > _MODELS_LENGTH:
            raise BadInput(f"The run notes more models than {_MODELS_LENGTH} characters hold.", field="model_json")
        service.log(st, call.actor, body.id, tags=[(_MODELS_TAG, value)])

    await call.tracking.write_async(change)
    return {}


@routes.post("/search", allow(READ), wire.SearchRuns)
async def search(call: Call, body: wire.SearchRuns) -> Answer:
    """Search runs; a page ends early where it would grow too large."""
    filters, order = parse_run_filter(body.filter), parse_run_order(body.order_by or ())
    stages = limits.view_stages(body.run_view_type)
    size = paging.page_size(body.max_results, 1000, _MOST)
    if len(body.experiment_ids or ()) > _MOST_EXPERIMENTS:
        raise invalid("experiment_ids", len(body.experiment_ids or ()),
                      f"at most {_MOST_EXPERIMENTS} experiments can be searched at once.")
    wanted = [experiments.parse_id(one) for one in body.experiment_ids or ()]
    mark = paging.query_mark("runs", sorted(set(wanted)), body.filter, body.order_by, stages)
    position = paging.read_token(body.page_token, mark, searching.token_kinds(order))

    def query(st: Statements) -> Answer:
        ids = [one.id for one in experiments.visible(st, call.actor, wanted)]
        found, places = searching.search(st, ids, stages, filters, order, position, size + 1)
        shown = _encoded(st, found[:size])
        token = b""
        if len(found) > len(shown):
            token = b',"next_page_token":' + encode(paging.make_token(mark, places[len(shown) - 1]))
        return Answer(b'{"runs":[' + b",".join(shown) + b"]" + token + b"}")

    return await call.tracking.read_async(query)


def _encoded(st: Statements, found: Sequence[Run]) -> list[bytes]:
    """Return runs as JSON, read in parts: as many as a page may hold, at least one."""
    pieces: list[bytes] = []
    total = 0
    for start in range(0, len(found), _PART):
        for entity in views.entities(st, found[start:start + _PART]):
            piece = encode(entity)
            total += len(piece)
            if pieces and total > _PAGE_BYTES:
                return pieces
            pieces.append(piece)
    return pieces
