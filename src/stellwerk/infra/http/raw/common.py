"""What a tracking client asks first: which version this is, and what the server can do."""

from __future__ import annotations

from typing import Any

from stellwerk.infra.http.raw.answering import Answer, Call
from stellwerk.infra.http.raw.mlflow import PROTOCOL, mlflow_routes
from stellwerk.infra.http.raw.routes import RawRoutes
from stellwerk.kernel.route import allow, public
from stellwerk.protocols.mlflow.not_offered import AREAS, refuse

# The release of the protocol that these calls follow; clients compare it with what they need.
VERSION = "3.17.2"
_ABOUT = "clients ask before they send their token; says nothing about the installation's content"

routes_bare = RawRoutes(PROTOCOL, ("",))
routes_info = mlflow_routes("/mlflow", version=3)


@routes_bare.get("/version", public(_ABOUT))
async def version(_call: Call) -> Answer:
    """Say which release of the protocol is spoken."""
    return Answer(VERSION.encode(), media_type=b"text/plain; charset=utf-8")


@routes_bare.get("/health", public(_ABOUT))
async def health(_call: Call) -> Answer:
    """Say that the server answers."""
    return Answer(b"OK", media_type=b"text/plain; charset=utf-8")


async def server_info(_call: Call) -> dict[str, Any]:
    """Say what this server can do."""
    return {"store_type": "SqlStore", "workspaces_enabled": False, "artifact_serving_enabled": True,
            "multipart_uploads_enabled": True, "multipart_downloads_enabled": False,
            "artifacts_presigned_only": False, "features_enabled": {}, "tracking_auth": ""}


for _path in ("/server-info", "/server-features"):
    routes_info.get(_path, public(_ABOUT))(server_info)


def not_offered() -> list[RawRoutes]:
    """Return the routes of calls that the protocol knows and this installation does not offer."""
    collections = []
    for version_number, area, methods in AREAS:
        routes = mlflow_routes("", version=version_number)
        for method in methods:
            for path in (area, f"{area}/{{rest:path}}"):
                routes.add(method, path, allow("runs.read"))(_refused(area))
        collections.append(routes)
    return collections


def _refused(area: str) -> Any:
    async def answer(_call: Call) -> Any:
        """Say that this part of the protocol is not offered."""
        raise refuse(area)

    return answer
