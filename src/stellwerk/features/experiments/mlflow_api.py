"""Experiments in MLflow's protocol."""

from __future__ import annotations

from typing import Any

from stellwerk.features.experiments import repository, service
from stellwerk.features.experiments.repository import Experiment
from stellwerk.features.experiments.service import READ, WRITE
from stellwerk.features.experiments.where import order_terms
from stellwerk.infra.http.raw import Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import limits, paging
from stellwerk.protocols.mlflow.decoding import check_items
from stellwerk.protocols.mlflow.search import parse_experiment_filter, parse_experiment_order
from stellwerk.protocols.mlflow.wire import experiments as wire

routes = mlflow_routes("/mlflow/experiments")
_MOST = 50_000


def entity(found: Experiment, tags: list[tuple[str, str]]) -> dict[str, Any]:
    """Return an experiment as clients read it."""
    return {"experiment_id": str(found.id), "name": found.name,
            "artifact_location": service.artifact_root(found.id), "lifecycle_stage": found.lifecycle,
            "last_update_time": found.updated_at, "creation_time": found.created_at,
            "tags": [{"key": key, "value": value} for key, value in tags]}


def _entity_of(st: Statements, found: Experiment) -> dict[str, Any]:
    return {"experiment": entity(found, repository.tags_of(st, [found.id])[found.id])}


@routes.post("/create", allow(WRITE), wire.CreateExperiment)
async def create(call: Call, body: wire.CreateExperiment) -> dict[str, Any]:
    """Make an experiment."""
    check_items(body.tags, "tags")
    tags = [(tag.key or "", tag.value or "") for tag in body.tags or ()]
    made = await call.tracking.write_async(lambda st: service.create_experiment(
        st, call.actor, body.name or "", body.artifact_location, tags))
    return {"experiment_id": str(made.id)}


@routes.get("/get", allow(READ), wire.ExperimentById)
async def get(call: Call, body: wire.ExperimentById) -> dict[str, Any]:
    """Return an experiment."""
    number = service.parse_id(body.experiment_id)
    return await call.tracking.look_up(
        lambda st: _entity_of(st, service.get_experiment(st, number, call.actor)))


@routes.get("/get-by-name", allow(READ), wire.ExperimentByName)
async def get_by_name(call: Call, body: wire.ExperimentByName) -> dict[str, Any]:
    """Return the experiment of a name, deleted or not."""

    def query(st: Statements) -> dict[str, Any]:
        found = repository.by_name(st, body.experiment_name or "")
        if found is None or not service.may(call.actor, READ, found.team):
            raise NotFound(f"Could not find experiment with name '{body.experiment_name}'", field="experiment_name",
                           value=body.experiment_name)
        return _entity_of(st, found)

    return await call.tracking.look_up(query)


@routes.post("/update", allow(WRITE), wire.UpdateExperiment)
async def update(call: Call, body: wire.UpdateExperiment) -> dict[str, Any]:
    """Give an experiment another name."""
    number = service.parse_id(body.experiment_id)
    await call.tracking.write_async(
        lambda st: service.rename_experiment(st, call.actor, number, body.new_name or ""))
    return {}


@routes.post("/set-experiment-tag", allow(WRITE), wire.SetExperimentTag)
async def set_tag(call: Call, body: wire.SetExperimentTag) -> dict[str, Any]:
    """Set a tag of an experiment."""
    number = service.parse_id(body.experiment_id)
    await call.tracking.write_async(
        lambda st: service.set_tag(st, call.actor, number, body.key or "", body.value or ""))
    return {}


@routes.post("/delete-experiment-tag", allow(WRITE), wire.DeleteExperimentTag)
async def delete_tag(call: Call, body: wire.DeleteExperimentTag) -> dict[str, Any]:
    """Remove a tag of an experiment."""
    number = service.parse_id(body.experiment_id)
    await call.tracking.write_async(lambda st: service.delete_tag(st, call.actor, number, body.key or ""))
    return {}


async def search(call: Call, body: wire.SearchExperiments) -> dict[str, Any]:
    """Search experiments."""
    filters = parse_experiment_filter(body.filter)
    order = parse_experiment_order(body.order_by or ())
    stages = limits.view_stages(body.view_type)
    size = paging.page_size(body.max_results, 1000, _MOST)
    mark = paging.query_mark("experiments", body.filter, body.order_by, stages)
    kinds = tuple(str if term.column == "name" else int for term in order_terms(order))
    position = paging.read_token(body.page_token, mark, kinds)

    def query(st: Statements) -> dict[str, Any]:
        found = repository.search(st, teams=call.actor.teams(READ), stages=stages, filters=filters, order=order,
                                  after=position, limit=size + 1)
        page = found[:size]
        tags = repository.tags_of(st, [one.id for one in page])
        answer: dict[str, Any] = {"experiments": [entity(one, tags[one.id]) for one in page]}
        if len(found) > size:
            answer["next_page_token"] = paging.make_token(mark, repository.position_of(page[-1], order))
        return answer

    return await call.tracking.read_async(query)


routes.post("/search", allow(READ), wire.SearchExperiments)(search)
routes.get("/search", allow(READ), wire.SearchExperiments)(search)
