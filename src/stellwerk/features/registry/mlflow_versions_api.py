"""Versions of registered models in MLflow's protocol."""

from __future__ import annotations

from typing import Any

from stellwerk.features.registry import guards, lookup, names, versions, views
from stellwerk.features.registry.lookup import READ, WRITE
from stellwerk.features.registry.repository import search as searching
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.infra.http.raw import Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import paging
from stellwerk.protocols.mlflow.decoding import check_items
from stellwerk.protocols.mlflow.search import parse_model_version_filter, parse_model_version_order
from stellwerk.protocols.mlflow.wire import registry as wire

routes = mlflow_routes("/mlflow/model-versions")
_SIZE = 10_000
_MOST = 200_000


def _answer(st: Statements, found: RegisteredVersion) -> dict[str, Any]:
    return {"model_version": views.version_entities(st, [found])[0]}


@routes.post("/create", allow(WRITE), wire.CreateModelVersion)
async def create(call: Call, body: wire.CreateModelVersion) -> dict[str, Any]:
    """Make a version of a registered model."""
    check_items(body.tags, "tags")
    tags = {tag.key or "": tag.value or "" for tag in body.tags or ()}
    await guards.ask(call.tracking, lambda st: lookup.get_model(st, body.name, call.actor, WRITE),
                     lambda found: guards.check_create(found.name, call.actor), at_once=True)
    made = await call.tracking.write_async(lambda st: versions.create_version(
        st, call.actor, body.name, body.source or "", run_id=body.run_id, model_id=body.model_id,
        run_link=body.run_link or "", description=body.description or "", tags=tags.items()))
    return {"model_version": views.version_entity(made, tags, ())}


@routes.get("/get", allow(READ), wire.ModelVersion)
async def get(call: Call, body: wire.ModelVersion) -> dict[str, Any]:
    """Return a version."""
    names.check_name(body.name)
    number = names.version_number(body.version)
    return await call.tracking.look_up(
        lambda st: _answer(st, lookup.get_version(st, body.name, number, call.actor)))


@routes.get("/get-download-uri", allow(READ), wire.ModelVersion)
async def get_download_uri(call: Call, body: wire.ModelVersion) -> dict[str, Any]:
    """Return where the artifacts of a version are read."""
    names.check_name(body.name)
    number = names.version_number(body.version)
    return await call.tracking.look_up(
        lambda st: {"artifact_uri": lookup.get_version(st, body.name, number, call.actor).location})


@routes.patch("/update", allow(WRITE), wire.UpdateModelVersion)
async def update(call: Call, body: wire.UpdateModelVersion) -> dict[str, Any]:
    """Describe a version anew."""
    names.check_name(body.name)
    number = names.version_number(body.version)
    return await call.tracking.write_async(lambda st: _answer(st, versions.update_version(
        st, call.actor, body.name, number, body.description)))


@routes.post("/transition-stage", allow(WRITE), wire.TransitionStage)
async def transition_stage(call: Call, body: wire.TransitionStage) -> dict[str, Any]:
    """Put a version into a stage."""
    names.check_name(body.name)
    number, archive = names.version_number(body.version), bool(body.archive_existing_versions)

    def check(changes: list[tuple[int, str]]) -> None:
        for changed, stage in changes:
            guards.check_stage(body.name or "", stage, changed, call.actor)

    await guards.ask(call.tracking, lambda st: versions.stage_changes(
        st, call.actor, body.name, number, body.stage, archive), check)
    return await call.tracking.write_async(lambda st: _answer(st, versions.change_stage(
        st, call.actor, body.name, number, body.stage, archive=archive)))


@routes.delete("/delete", allow(WRITE), wire.ModelVersion)
async def delete(call: Call, body: wire.ModelVersion) -> dict[str, Any]:
    """Remove a version."""
    names.check_name(body.name)
    number = names.version_number(body.version)
    await guards.ask(call.tracking, lambda st: lookup.get_version(st, body.name, number, call.actor, WRITE),
                     lambda found: guards.check_delete(found.name, found.version, call.actor))
    await call.tracking.write_async(lambda st: versions.delete_version(st, call.actor, body.name, number))
    return {}


@routes.post("/set-tag", allow(WRITE), wire.SetModelVersionTag)
async def set_tag(call: Call, body: wire.SetModelVersionTag) -> dict[str, Any]:
    """Set a tag of a version."""
    number = names.version_number(body.version)
    await call.tracking.write_async(lambda st: versions.set_version_tag(
        st, call.actor, body.name, number, body.key or "", body.value or ""))
    return {}


@routes.delete("/delete-tag", allow(WRITE), wire.DeleteModelVersionTag)
async def delete_tag(call: Call, body: wire.DeleteModelVersionTag) -> dict[str, Any]:
    """Remove a tag of a version."""
    number = names.version_number(body.version)
    await call.tracking.write_async(lambda st: versions.delete_version_tag(
        st, call.actor, body.name, number, body.key or ""))
    return {}


@routes.get("/search", allow(READ), wire.SearchRegistry)
async def search(call: Call, body: wire.SearchRegistry) -> dict[str, Any]:
    """Search versions."""
    filters = parse_model_version_filter(body.filter)
    terms = searching.version_terms(parse_model_version_order(body.order_by or ()))
    size = paging.page_size(body.max_results, _SIZE, _MOST)
    mark = paging.query_mark("model-versions", body.filter, body.order_by)
    position = paging.read_token(body.page_token, mark, searching.token_kinds(terms))

    def query(st: Statements) -> dict[str, Any]:
        found = searching.search_versions(st, teams=call.actor.teams(READ), filters=filters, terms=terms,
                                          position=position, limit=size + 1)
        page = found[:size]
        answer: dict[str, Any] = {"model_versions": views.version_entities(st, page)}
        if len(found) > size:
            answer["next_page_token"] = paging.make_token(mark, searching.position_of(page[-1], terms))
        return answer

    return await call.tracking.read_async(query)
