"""Bringing things in batches, asking what has come, and the digests that prove it."""

from __future__ import annotations

from typing import Any

from anyio import to_thread

from stellwerk.features import experiments, logged_models, registry, runs
from stellwerk.features.transfer import files, repository, service
from stellwerk.infra.crypto import load_key
from stellwerk.infra.http.raw import Call, RawRoutes
from stellwerk.infra.http.raw.mlflow import PROTOCOL
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.route import allow
from stellwerk.protocols.transfer import wire

routes = RawRoutes(PROTOCOL, ("/api/v1",), "/transfer")
ADMIN = allow("transfer.write", "installation")
_LISTED = 1000
_LONG_SECONDS = 1800.0


def _view(st: Statements, found: repository.Transfer) -> dict[str, Any]:
    return {
        "transfer": found.no, "source": found.source, "kind": found.kind, "team": found.team,
        "started_at": found.started_at, "started_by": found.started_by, "proved_at": found.proved_at,
        "experiments": [mapped._asdict() for mapped in repository.experiments(st, found.no)],
        "things": {kind: {"complete": whole, "arriving": arriving}
                   for kind, (whole, arriving) in repository.counts(st, found.no).items()}}


@routes.get("/origin", allow(experiments.READ))
async def origin(call: Call) -> dict[str, Any]:
    """Return by what other installations know this one: the beginning of its public key."""
    key = await to_thread.run_sync(load_key, call.installation.home.keys_dir)
    return {"origin": f"stellwerk {key.public.hex[:32]}"}


@routes.get("/list", ADMIN)
async def listed(call: Call) -> dict[str, Any]:
    """Return the transfers, newest first."""
    return await call.tracking.read_async(
        lambda st: {"transfers": [_view(st, found) for found in repository.listed(st, _LISTED)]})


@routes.post("/open", ADMIN, wire.Open)
async def begin(call: Call, body: wire.Open) -> dict[str, Any]:
    """Begin to bring things from a source, or go on with it."""
    return await call.tracking.write_async(lambda st: _view(st, service.open_transfer(st, call.actor, body)))


@routes.post("/experiments", ADMIN, wire.Experiments, limit=wire.BODY_BYTES)
async def bring_experiments(call: Call, body: wire.Experiments) -> dict[str, Any]:
    """Bring experiments."""
    found = await call.tracking.write_async(lambda st: service.bring_experiments(st, call.actor, body))
    return {"experiments": [mapped._asdict() for mapped in found]}


def _tell_known(path: str, kind: str) -> None:
    @routes.post(f"{path}/known", ADMIN, wire.Ids, limit=wire.BODY_BYTES)
    async def known(call: Call, body: wire.Ids) -> dict[str, Any]:
        """Tell which things have come whole, which in part, and which are here of another origin."""
        return await call.tracking.read_async(
            lambda st: {"states": service.state_of_things(st, body.transfer, kind, body.ids)})


for _path, _kind in (("/runs", service.RUN), ("/logged-models", service.LOGGED_MODEL),
                     ("/registered-models", service.REGISTERED_MODEL)):
    _tell_known(_path, _kind)


@routes.post("/runs", ADMIN, wire.Runs, limit=wire.LARGE_BODY_BYTES)
async def bring_runs(call: Call, body: wire.Runs) -> dict[str, Any]:
    """Bring runs without their points."""
    await call.tracking.write_async(lambda st: service.bring_runs(st, call.actor, body))
    return {}


@routes.post("/points", ADMIN, wire.Points, limit=wire.BODY_BYTES)
async def bring_points(call: Call, body: wire.Points) -> dict[str, Any]:
    """Bring points of metrics of runs that are arriving."""
    return {"points": await call.tracking.write_async(lambda st: service.bring_points(st, body))}


@routes.post("/runs/finish", ADMIN, wire.Ids, limit=wire.BODY_BYTES)
async def finish_runs(call: Call, body: wire.Ids) -> dict[str, Any]:
    """Say that runs have come whole; each gets its event on the ledger."""
    seen = await call.tracking.read_async(lambda st: service.look(st, body), seconds=_LONG_SECONDS)
    await call.tracking.write_async(lambda st: service.finish(st, call.actor, body, seen))
    return {}


@routes.post("/logged-models", ADMIN, wire.LoggedModels, limit=wire.LARGE_BODY_BYTES)
async def bring_logged_models(call: Call, body: wire.LoggedModels) -> dict[str, Any]:
    """Bring logged models without their files."""
    await call.tracking.write_async(lambda st: service.bring_logged_models(st, call.actor, body))
    return {}


@routes.post("/logged-models/finish", ADMIN, wire.Ids, limit=wire.BODY_BYTES)
async def finish_logged_models(call: Call, body: wire.Ids) -> dict[str, Any]:
    """Say that logged models have come whole."""
    await call.tracking.write_async(lambda st: service.finish_logged_models(st, body))
    return {}


@routes.post("/registered-models", ADMIN, wire.RegisteredModels, limit=wire.BODY_BYTES)
async def bring_registered_models(call: Call, body: wire.RegisteredModels) -> dict[str, Any]:
    """Bring registered models without their versions."""
    await call.tracking.write_async(lambda st: service.bring_registered_models(st, call.actor, body))
    return {}


@routes.post("/versions", ADMIN, wire.Versions, limit=wire.BODY_BYTES)
async def bring_versions(call: Call, body: wire.Versions) -> dict[str, Any]:
    """Bring versions of a registered model; what services deploy by stages is guarded as ever."""
    await to_thread.run_sync(_ask_guards, body, call.actor)
    await call.tracking.write_async(lambda st: service.bring_versions(st, call.actor, body))
    return {}


def _ask_guards(body: wire.Versions, actor: Actor) -> None:
    registry.guards.check_create(body.name, actor)
    for version in body.versions:
        if version.stage != "None":
            registry.check_stage(body.name, version.stage, version.version, actor)


@routes.post("/aliases", ADMIN, wire.Aliases, limit=wire.BODY_BYTES)
async def bring_aliases(call: Call, body: wire.Aliases) -> dict[str, Any]:
    """Set aliases of a registered model after its versions; what services deploy by them is guarded as ever."""
    # Before any guard, since letting an alias of a service point at a version releases it.
    await call.tracking.read_async(lambda st: service.check_model(st, body.transfer, body.name))
    for alias, version in body.aliases:
        await to_thread.run_sync(registry.check_alias, body.name, alias, version, call.actor)
    await call.tracking.write_async(lambda st: service.bring_aliases(st, call.actor, body))
    return {}


@routes.post("/files", ADMIN, wire.Files, limit=wire.BODY_BYTES)
async def bring_files(call: Call, body: wire.Files) -> dict[str, Any]:
    """Name stored contents as artifacts of a run or logged model."""
    sizes = files.sizes_of(call.installation.objects, body)
    await call.tracking.write_async(lambda st: files.bring_files(st, call.actor, body, sizes))
    return {}


@routes.post("/digests/experiments", ADMIN, wire.Ids)
async def experiment_digests(call: Call, body: wire.Ids) -> dict[str, Any]:
    """Return what is kept of the experiments that came, by their ids at the source."""

    def query(st: Statements) -> dict[str, Any]:
        found = {}
        for mapped in repository.experiments(st, body.transfer):
            experiment, tags, content = experiments.importing.content_of(st, mapped.experiment_id)
            found[mapped.source_id] = {**mapped._asdict(), "name": experiment.name, "tags": tags, "content": content}
        return {"experiments": found}

    return await call.tracking.read_async(query)


@routes.post("/digests/runs", ADMIN, wire.Ids, limit=wire.BODY_BYTES)
async def run_digests(call: Call, body: wire.Ids) -> dict[str, Any]:
    """Return digests over all that is kept of runs, computed from the rows as they are now."""

    def query(st: Statements) -> dict[str, Any]:
        here = runs.importing.numbers_of(st, body.ids)
        return {"runs": {one: runs.importing.content_of(st, one) for one in body.ids if one in here}}

    return await call.tracking.read_async(query, seconds=_LONG_SECONDS)


@routes.post("/digests/logged-models", ADMIN, wire.Ids, limit=wire.BODY_BYTES)
async def logged_model_digests(call: Call, body: wire.Ids) -> dict[str, Any]:
    """Return digests over all that is kept of logged models but their files."""

    def query(st: Statements) -> dict[str, Any]:
        here = logged_models.by_ids(st, body.ids)
        return {"models": {one: logged_models.importing.content_of(st, one) for one in body.ids if one in here}}

    return await call.tracking.read_async(query, seconds=_LONG_SECONDS)


@routes.post("/digests/registered-models", ADMIN, wire.Ids, limit=wire.BODY_BYTES)
async def registered_digests(call: Call, body: wire.Ids) -> dict[str, Any]:
    """Return digests over all that is kept of registered models, their versions and aliases."""

    def query(st: Statements) -> dict[str, Any]:
        here = [name for name in body.ids if registry.find_model(st, name) is not None]
        return {"models": {name: registry.importing.content_of(st, name) for name in here}}

    return await call.tracking.read_async(query, seconds=_LONG_SECONDS)


@routes.post("/digests/files", ADMIN, wire.Ids, limit=wire.BODY_BYTES)
async def file_digests(call: Call, body: wire.Ids) -> dict[str, Any]:
    """Return the artifacts of runs and logged models, hashed anew."""
    return await call.tracking.read_async(
        lambda st: {"files": files.hashed(st, call.installation.objects, body.ids)}, seconds=_LONG_SECONDS)


@routes.post("/close", ADMIN, wire.Close)
async def close(call: Call, body: wire.Close) -> dict[str, Any]:
    """Note what the proof of a transfer found."""
    await call.tracking.write_async(lambda st: service.close(st, call.actor, body))
    return {}
