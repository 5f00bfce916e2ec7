"""Bringing bytes: an upload is named by its own hash, so sending it twice changes nothing."""

from __future__ import annotations

import secrets
from pathlib import Path

import anyio
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stellwerk.infra.http.dependencies import CurrentInstallation
from stellwerk.infra.http.routing import api_routes
from stellwerk.infra.installation import Installation
from stellwerk.infra.objects import full_disk
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.route import allow

routes = api_routes("/objects", tag="objects")


@routes.head("/{sha256}", allow("objects.write", "any"))
def has_object(sha256: str, installation: CurrentInstallation) -> Response:
    """Tell whether the object is stored already."""
    if not installation.objects.has(sha256):
        raise NotFound("There is no object with this digest.", field="sha256", value=sha256)
    return Response(headers={"content-length": str(installation.objects.path(sha256).stat().st_size)})


@routes.put("/{sha256}", allow("objects.write", "any"), consumes="bytes")
async def put_object(sha256: str, request: Request, installation: CurrentInstallation) -> Response:
    """Store the bytes of the body under their SHA-256; refuses bytes that have another."""
    installation.objects.path(sha256)
    known = await run_in_threadpool(installation.objects.has, sha256)
    if not known:
        await _receive(request, installation, sha256)
    return JSONResponse({"sha256": sha256}, status_code=200 if known else 201)


async def _receive(request: Request, installation: Installation, sha256: str) -> None:
    part = installation.home.work / f"upload-{secrets.token_hex(8)}"
    try:
        with full_disk():
            async with await anyio.open_file(part, "xb") as stream:
                async for chunk in request.stream():
                    await stream.write(chunk)
        await run_in_threadpool(_keep, installation, part, sha256)
    finally:
        part.unlink(missing_ok=True)


def _keep(installation: Installation, part: Path, sha256: str) -> None:
    with part.open("rb") as stream:
        installation.objects.put_chunks(iter(lambda: stream.read(1 << 20), b""), expected=sha256)
