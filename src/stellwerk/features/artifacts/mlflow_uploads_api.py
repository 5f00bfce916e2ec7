"""Uploads in parts in MLflow's protocol: begun and completed with a token, filled through signed addresses."""

from __future__ import annotations

from functools import partial
from typing import Any

from anyio import to_thread

from stellwerk.features.artifacts import uploads
from stellwerk.features.artifacts.receiving import receive
from stellwerk.features.experiments import WRITE
from stellwerk.infra.http.raw import Answer, Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow, public
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey, Place, file_name, parse_place
from stellwerk.protocols.mlflow.decoding import check_items, decode_query, invalid, missing
from stellwerk.protocols.mlflow.wire import artifacts as wire

routes = mlflow_routes("/mlflow-artifacts/mpu")

# Ten thousand parts, each with its address.
_LIMIT = 16 << 20
_PART = "/api/2.0/mlflow-artifacts/mpu/part"
# The browser guard lets writes pass that no page can have sent: those with this header and no cookie. What admits the
# part is the signature in its address, since clients may put other credentials in the header.
_HEADERS = {"Authorization": "Signed-Address"}


def _target(call: Call, path: str | None) -> tuple[Place, ArtifactKey]:
    place = parse_place(call.path["path"])
    name = file_name(path or "")
    return place, ArtifactKey.parse(name) if place.key is None else place.key.below(name)


@routes.post("/create/{path:path}", allow(WRITE), wire.CreateUpload)
async def create(call: Call, body: wire.CreateUpload) -> dict[str, Any]:
    """Begin an upload and give an address for each part."""
    place, key = _target(call, body.path)
    parts = 1 if body.num_parts is None else body.num_parts
    made = await call.tracking.write_async(lambda st: uploads.begin_upload(st, call.actor, place, key, parts))
    base = f"{call.scope.get('scheme', 'http')}://{call.header(b'host')}{_PART}/{made.id}"
    queries = await to_thread.run_sync(
        lambda: [uploads.part_query(call.installation, made, number) for number in range(1, parts + 1)])
    return {"upload_id": made.id, "credentials": [
        {"url": f"{base}/{number}?{query}", "part_number": number, "headers": _HEADERS}
        for number, query in enumerate(queries, 1)]}


@routes.put("/part/{upload_id}/{number}", public("an expiring signature in the address admits the one part"))
async def put_part(call: Call) -> Answer:
    """Take a part in; a part that comes again replaces the earlier one."""
    upload_id, number = call.path["upload_id"], _number(call.path["number"])
    asked = decode_query(wire.PartAddress, call.scope["query_string"])
    installation = call.installation
    await to_thread.run_sync(uploads.check_part_query, installation, upload_id, number, asked.expires or 0,
                             asked.signature or "")
    await call.tracking.look_up(lambda st: uploads.open_upload(st, upload_id))
    room = await to_thread.run_sync(uploads.room_for, installation, upload_id, number)
    call.check_length(room)
    tag = await receive(call.stream(room), partial(uploads.begin_part, installation, upload_id),
                        partial(uploads.keep_part, installation, upload_id, number))
    return Answer(b"{}", headers=[(b"etag", f'"{tag}"'.encode())])


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5:
        raise invalid("part_number", text)
    return int(text)


@routes.post("/complete/{path:path}", allow(WRITE), wire.CompleteUpload, limit=_LIMIT)
async def complete(call: Call, body: wire.CompleteUpload) -> dict[str, Any]:
    """Make one file of all parts."""
    place, key = _target(call, body.path)
    if not body.parts:
        raise missing("parts")
    check_items(body.parts, "parts")
    tags = {part.part_number or 0: part.etag or "" for part in body.parts}
    if len(tags) != len(body.parts):
        raise BadInput("A part is named twice.", field="parts")
    await to_thread.run_sync(uploads.complete, call.installation, call.actor, place, key, body.upload_id or "", tags)
    return {}


@routes.post("/abort/{path:path}", allow(WRITE), wire.AbortUpload)
async def abort(call: Call, body: wire.AbortUpload) -> dict[str, Any]:
    """Give an upload up."""
    place, key = _target(call, body.path)
    await to_thread.run_sync(uploads.abort, call.installation, call.actor, place, key, body.upload_id or "")
    return {}
