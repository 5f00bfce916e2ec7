"""Bringing bytes: an upload is named by its own hash, so sending it twice changes nothing."""

from __future__ import annotations

from functools import partial

from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stellwerk.features.artifacts.receiving import receive
from stellwerk.infra.http.dependencies import CurrentInstallation
from stellwerk.infra.http.routing import api_routes
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
    objects = installation.objects
    objects.path(sha256)
    known = await run_in_threadpool(objects.has, sha256)
    if not known:
        await receive(request.stream(), objects.incoming, partial(objects.keep, expected=sha256))
    return JSONResponse({"sha256": sha256}, status_code=200 if known else 201)
