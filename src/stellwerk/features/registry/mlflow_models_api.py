"""Registered models in MLflow's protocol."""

from __future__ import annotations

from typing import Any

from stellwerk.features.registry import guards, lookup, models, names, views
from stellwerk.features.registry.lookup import READ, WRITE
from stellwerk.features.registry.repository import search as searching
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.infra.http.raw import Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import paging
from stellwerk.protocols.mlflow.decoding import check_items
from stellwerk.protocols.mlflow.search import parse_registered_model_filter, parse_registered_model_order
from stellwerk.protocols.mlflow.wire import registry as wire

routes = mlflow_routes("/mlflow/registered-models")
_SIZE = 100
_MOST = 1000


def _answer(st: Statements, found: RegisteredModel) -> dict[str, Any]:
    return {"registered_model": views.model_entities(st, [found])[0]}


@routes.post("/create", allow(WRITE), wire.CreateRegisteredModel)
async def create(call: Call, body: wire.CreateRegisteredModel) -> dict[str, Any]:
    """Make a registered model."""
    check_items(body.tags, "tags")
    tags = [(tag.key or "", tag.value or "") for tag in body.tags or ()]
    return await call.tracking.write_async(lambda st: _answer(st, models.create_model(
        st, call.actor, body.name, description=body.description or "", tags=tags)))


@routes.get("/get", allow(READ), wire.RegisteredModelByName)
async def get(call: Call, body: wire.RegisteredModelByName) -> dict[str, Any]:
    """Return a registered model."""
    return await call.tracking.look_up(lambda st: _answer(st, lookup.get_model(st, body.name, call.actor)))


@routes.patch("/update", allow(WRITE), wire.UpdateRegisteredModel)
async def update(call: Call, body: wire.UpdateRegisteredModel) -> dict[str, Any]:
    """Describe a registered model anew."""
    return await call.tracking.write_async(
        lambda st: _answer(st, models.update_model(st, call.actor, body.name, body.description or "")))


@routes.post("/rename", allow(WRITE), wire.RenameRegisteredModel)
async def rename(call: Call, body: wire.RenameRegisteredModel) -> dict[str, Any]:
    """Give a registered model another name."""
    new_name = names.check_name(body.new_name, "new_name")

    def check(model: RegisteredModel) -> None:
        if model.name != new_name:
            guards.check_delete(model.name, None, call.actor)
            # Its versions come under the new name.
            guards.check_create(new_name, call.actor)

    await guards.ask(call.tracking, lambda st: lookup.get_model(st, body.name, call.actor, WRITE), check)
    return await call.tracking.write_async(
        lambda st: _answer(st, models.rename_model(st, call.actor, body.name, new_name)))


@routes.delete("/delete", allow(WRITE), wire.RegisteredModelByName)
async def delete(call: Call, body: wire.RegisteredModelByName) -> dict[str, Any]:
    """Remove a registered model with all its versions."""
    await guards.ask(call.tracking, lambda st: lookup.get_model(st, body.name, call.actor, WRITE),
                     lambda model: guards.check_delete(model.name, None, call.actor))
    await call.tracking.write_async(lambda st: models.delete_model(st, call.actor, body.name))
    return {}


async def latest_versions(call: Call, body: wire.GetLatestVersions) -> dict[str, Any]:
    """Return the latest version of each stage."""
    return await call.tracking.look_up(lambda st: {"model_versions": views.version_entities(
        st, lookup.latest_versions(st, body.name, call.actor, body.stages or ()))})


routes.get("/get-latest-versions", allow(READ), wire.GetLatestVersions)(latest_versions)
routes.post("/get-latest-versions", allow(READ), wire.GetLatestVersions)(latest_versions)


@routes.post("/set-tag", allow(WRITE), wire.SetRegisteredModelTag)
async def set_tag(call: Call, body: wire.SetRegisteredModelTag) -> dict[str, Any]:
    """Set a tag of a registered model."""
    await call.tracking.write_async(
        lambda st: models.set_model_tag(st, call.actor, body.name, body.key or "", body.value or ""))
    return {}


@routes.delete("/delete-tag", allow(WRITE), wire.DeleteRegisteredModelTag)
async def delete_tag(call: Call, body: wire.DeleteRegisteredModelTag) -> dict[str, Any]:
    """Remove a tag of a registered model."""
    await call.tracking.write_async(lambda st: models.delete_model_tag(st, call.actor, body.name, body.key or ""))
    return {}


@routes.post("/alias", allow(WRITE), wire.SetAlias)
async def set_alias(call: Call, body: wire.SetAlias) -> dict[str, Any]:
    """Point an alias at a version."""
    names.check_name(body.name)
    alias, number = names.check_new_alias(body.alias), names.version_number(body.version)
    await guards.ask(call.tracking, lambda st: lookup.get_version(st, body.name, number, call.actor, WRITE),
                     lambda found: guards.check_alias(found.name, alias, found.version, call.actor))
    await call.tracking.write_async(lambda st: models.set_alias(st, call.actor, body.name, alias, number))
    return {}


@routes.delete("/alias", allow(WRITE), wire.Alias)
async def delete_alias(call: Call, body: wire.Alias) -> dict[str, Any]:
    """Remove an alias."""
    names.check_name(body.name)
    alias = names.check_alias(body.alias)
    await guards.ask(call.tracking, lambda st: lookup.get_model(st, body.name, call.actor, WRITE),
                     lambda model: guards.check_alias(model.name, alias, None, call.actor))
    await call.tracking.write_async(lambda st: models.delete_alias(st, call.actor, body.name, alias))
    return {}


@routes.get("/alias", allow(READ), wire.Alias)
async def get_by_alias(call: Call, body: wire.Alias) -> dict[str, Any]:
    """Return the version that an alias points at."""
    return await call.tracking.look_up(lambda st: {"model_version": views.version_entities(
        st, [lookup.get_by_alias(st, body.name, body.alias, call.actor)])[0]})


@routes.get("/search", allow(READ), wire.SearchRegistry)
async def search(call: Call, body: wire.SearchRegistry) -> dict[str, Any]:
    """Search registered models."""
    filters = parse_registered_model_filter(body.filter)
    terms = searching.model_terms(parse_registered_model_order(body.order_by or ()))
    size = paging.page_size(body.max_results, _SIZE, _MOST)
    mark = paging.query_mark("registered-models", body.filter, body.order_by)
    position = paging.read_token(body.page_token, mark, searching.token_kinds(terms))

    def query(st: Statements) -> dict[str, Any]:
        found = searching.search_models(st, teams=call.actor.teams(READ), filters=filters, terms=terms,
                                        position=position, limit=size + 1)
        page = found[:size]
        answer: dict[str, Any] = {"registered_models": views.model_entities(st, page)}
        if len(found) > size:
            answer["next_page_token"] = paging.make_token(mark, searching.position_of(page[-1], terms))
        return answer

    return await call.tracking.read_async(query)
