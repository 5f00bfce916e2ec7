"""Artifacts in MLflow's protocol: through the paths that clients make of locations, and by run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec

from stellwerk.features.artifacts import service
from stellwerk.features.artifacts.receiving import receive
from stellwerk.features.artifacts.repository import Entry, Position
from stellwerk.features.artifacts.sending import answer_artifact, answer_file
from stellwerk.features.artifacts.service import Owner
from stellwerk.features.experiments import READ, WRITE
from stellwerk.infra.http.raw import Answer, Call, RawRoutes
from stellwerk.infra.http.raw.mlflow import PROTOCOL, mlflow_routes
from stellwerk.infra.objects import Incoming
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput, NotOffered, TooLarge
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import limits, paging
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey, Place, parse_place
from stellwerk.protocols.mlflow.decoding import decode_query, missing
from stellwerk.protocols.mlflow.wire import artifacts as wire

routes_places = mlflow_routes("/mlflow-artifacts")
routes = mlflow_routes("/mlflow")
routes_bare = RawRoutes(PROTOCOL, ("",))

_PAGE = 5000
_SMALL = 10 << 20


# By the path of a location


@routes_places.put("/artifacts/{path:path}", allow(WRITE))
async def put(call: Call) -> dict[str, Any]:
    """Take a file in."""
    place = parse_place(call.path["path"])
    key = place.file
    call.check_length(call.installation.settings.artifact_bytes)

    def check(st: Statements) -> None:
        service.check_free(st, service.owner_of(st, place, call.actor, writes=True).id, key)

    await call.tracking.look_up(check)
    sha256, size = await _take(call, call.installation.settings.artifact_bytes)

    def change(st: Statements) -> None:
        owner = service.owner_of(st, place, call.actor, writes=True)
        service.put_artifact(st, owner.id, key, sha256, size, call.actor)

    await call.tracking.write_async(change)
    return {}


@routes_places.get("/artifacts/{path:path}", allow(READ))
async def get(call: Call) -> Answer:
    """Give a file out."""
    place = parse_place(call.path["path"])
    key = place.file
    found = await call.tracking.look_up(
        lambda st: service.get_artifact(st, service.owner_of(st, place, call.actor).id, key))
    return await answer_file(call, found)


@routes_places.delete("/artifacts/{path:path}", allow(WRITE))
async def delete(call: Call) -> dict[str, Any]:
    """Remove a file, or a folder with all that stands in it; removing what is not there is no error."""
    place = parse_place(call.path["path"].removesuffix("/"))
    key = place.file

    def change(st: Statements) -> bool:
        return service.delete_some(st, call.actor, service.owner_of(st, place, call.actor, writes=True).id, key)

    # A large folder goes part by part, so that other writers need not wait for all of it.
    while await call.tracking.write_async(change):
        continue
    return {}


@routes_places.get("/artifacts", allow(READ), wire.ListPlace)
async def list_place(call: Call, body: wire.ListPlace) -> dict[str, Any] | Answer:
    """List a folder; names are those within it."""
    if not body.path or body.path == "/":
        # What stands above runs is known by searching, not by listing.
        return {}
    place = parse_place(body.path)
    start = 0 if place.key is None else len(place.key.text) + 1
    entries, position = await _page(call, place, None)
    if position is None:
        return {"files": _lines(entries, start)} if entries else {}
    return Answer(chunks=_listing(call, place, entries, position, start))


async def _page(call: Call, place: Place, position: Position | None) -> tuple[list[Entry], Position | None]:
    return await call.tracking.read_async(lambda st: service.list_folder(
        st, service.owner_of(st, place, call.actor).id, place.key, position, _PAGE))


async def _listing(call: Call, place: Place, entries: list[Entry], position: Position | None,
                   start: int) -> AsyncIterator[bytes]:
    # Clients take no second page of this listing, so all of it goes out at once, held in memory page by page.
    yield b'{"files":' + msgspec.json.encode(_lines(entries, start))[:-1]
    while position is not None:
        entries, position = await _page(call, place, position)
        if entries:
            yield b"," + msgspec.json.encode(_lines(entries, start))[1:-1]
    yield b"]}"


def _lines(entries: Sequence[Entry], start: int = 0) -> list[dict[str, Any]]:
    return [{"path": one.path[start:], "is_dir": True} if one.is_folder
            else {"path": one.path[start:], "is_dir": False, "file_size": one.size} for one in sorted(entries)]


@routes_places.get("/presigned/{path:path}", allow(READ))
async def presigned(call: Call) -> dict[str, Any]:
    """Say that downloads go through this server; clients then download so."""
    raise NotOffered("Stellwerk has no addresses of a cloud store: download the artifact from this server.")


# By run


@routes.get("/artifacts/list", allow(READ), wire.ListArtifacts)
async def list_artifacts(call: Call, body: wire.ListArtifacts) -> dict[str, Any]:
    """List a folder of a run; names are those from the root."""
    limits.check_run_id(body.id)
    return await _list(call, lambda st: service.run_of(st, body.id, call.actor), body.id, body.path, body.page_token)


async def _list(call: Call, owner_of: Callable[[Statements], Owner], owner_id: str, path: str | None,
                token: str | None) -> dict[str, Any]:
    folder = ArtifactKey.folder(path)
    mark = paging.query_mark("artifacts", owner_id, None if folder is None else folder.text)
    read = paging.read_token(token, mark, (str, int))
    position = None if read is None else Position(read[0], bool(read[1]))

    def query(st: Statements) -> dict[str, Any]:
        owner = owner_of(st)
        entries, after = service.list_folder(st, owner.id, folder, position, _PAGE)
        answer: dict[str, Any] = {"root_uri": owner.root}
        if entries:
            answer["files"] = _lines(entries)
        if after is not None:
            answer["next_page_token"] = paging.make_token(mark, [after.path, int(after.inclusive)])
        return answer

    return await call.tracking.read_async(query)


@routes_bare.get("/get-artifact", allow(READ), wire.GetArtifact)
async def get_artifact(call: Call, body: wire.GetArtifact) -> Answer:
    """Give a file of a run out."""
    limits.check_run_id(body.id)
    return await answer_artifact(call, lambda st: service.run_of(st, body.id, call.actor), body.path or "")


@routes.post("/upload-artifact", allow(WRITE))
async def upload_artifact(call: Call) -> dict[str, Any]:
    """Take in a small file of a run, as pages send it."""
    asked = decode_query(wire.OfRun, call.scope["query_string"])
    if not asked.id:
        raise BadInput("Request must specify run_uuid.", field="run_uuid")
    if not asked.path:
        raise BadInput("Request must specify path.", field="path")
    limits.check_run_id(asked.id)
    key = ArtifactKey.parse(asked.path)
    await call.tracking.look_up(lambda st: service.run_of(st, asked.id, call.actor, writes=True))
    try:
        call.check_length(_SMALL)
        sha256, size = await _take(call, _SMALL, least=1)
    except TooLarge:
        raise BadInput("Artifact size is too large. Max size is 10MB.", field="body", allowed=f"{_SMALL} bytes",
                       hint="Larger files go by log_artifact.") from None

    def change(st: Statements) -> None:
        owner = service.run_of(st, asked.id, call.actor, writes=True)
        service.put_artifact(st, owner.id, key, sha256, size, call.actor)

    await call.tracking.write_async(change)
    return {}


# By logged model


@routes.get("/logged-models/{model_id}/artifacts/directories", allow(READ), wire.ListModelArtifacts)
async def list_model_artifacts(call: Call, body: wire.ListModelArtifacts) -> dict[str, Any]:
    """List a folder of a logged model; names are those from the root."""
    model_id = call.path["model_id"]
    return await _list(call, lambda st: service.model_of(st, model_id, call.actor), model_id,
                       body.artifact_directory_path, body.page_token)


@routes.get("/logged-models/{model_id}/artifacts/files", allow(READ), wire.GetModelArtifact)
async def get_model_artifact(call: Call, body: wire.GetModelArtifact) -> Answer:
    """Give a file of a logged model out."""
    if not body.artifact_file_path:
        raise BadInput('Request must include the "artifact_file_path" query parameter.', field="artifact_file_path")
    model_id = call.path["model_id"]
    return await answer_artifact(call, lambda st: service.model_of(st, model_id, call.actor), body.artifact_file_path)


# Addresses in cloud stores, which this installation has none of


@routes.post("/artifacts/presigned-upload-url", allow(WRITE), wire.PresignedUrl)
async def presigned_upload(call: Call, body: wire.PresignedUrl) -> dict[str, Any]:
    """Say that uploads go through this server."""
    if bool(body.run_id) == bool(body.model_id):
        raise BadInput("Exactly one of run_id and model_id must be provided.", field="run_id")
    raise _no_cloud("upload")


@routes.post("/artifacts/presigned-download-url", allow(READ), wire.PresignedUrl)
async def presigned_download(call: Call, body: wire.PresignedUrl) -> dict[str, Any]:
    """Say that downloads go through this server."""
    if not body.run_id:
        raise missing("run_id")
    raise _no_cloud("download")


def _no_cloud(what: str) -> BadInput:
    return BadInput(f"Presigned {what} is not supported for artifacts that this server keeps itself (scheme: "
                    f"mlflow-artifacts).", field="path", hint=f"The {what} goes through /api/2.0/mlflow-artifacts.")


# Taking in


async def _take(call: Call, limit: int, least: int = 0) -> tuple[str, int]:
    store = call.installation.objects

    def finish(incoming: Incoming) -> tuple[str, int]:
        if incoming.size < least:
            raise BadInput("Request must specify data.", field="body")
        return store.keep(incoming), incoming.size

    return await receive(call.stream(limit), store.incoming, finish)
