"""The control plane: pages and REST in one process. ``python -m stellwerk.apps.server --home HOME [--fd N]``."""

from __future__ import annotations

import argparse
import gc
import importlib
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from stellwerk.apps.tracked import keep_registered_files, register_tracked, tell_webhooks
from stellwerk.features import identity
from stellwerk.features.artifacts import sweep
from stellwerk.features.registry import GUARDS
from stellwerk.features.releases.alias_guard import ReleaseGuard
from stellwerk.features.releases.publishing import keep_published
from stellwerk.infra.http.context import HttpContext, OwnerOf, SignedIn
from stellwerk.infra.http.errors import install_error_handlers
from stellwerk.infra.http.guard import Guard
from stellwerk.infra.http.health import health_routes
from stellwerk.infra.http.openapi import describe
from stellwerk.infra.http.raw import RawApp
from stellwerk.infra.http.raw.common import not_offered
from stellwerk.infra.http.routing import GuardedRoute, Routes, check_routes, plain_routes
from stellwerk.infra.installation import Installation
from stellwerk.infra.settings import Home, Settings, load_settings
from stellwerk.infra.telemetry import Registry, configure_logging
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.route import public
from stellwerk.kernel.secret import Secret
from stellwerk.protocols.mlflow.service import OWNED
from stellwerk.uikit import NavItem
from stellwerk.uikit.assets import Assets, own_assets
from stellwerk.uikit.pages import error_page

# A slice with handlers or pages adds its modules here: each holds ``routes`` or ``pages``.
ROUTE_MODULES = (
    "stellwerk.features.ledger.api:routes",
    "stellwerk.features.artifacts.api:routes",
    "stellwerk.features.jobs.api:routes",
    "stellwerk.features.releases.api:routes",
    "stellwerk.features.decisions.api:routes",
    "stellwerk.features.webhooks.api:routes",
    "stellwerk.features.identity.api:routes",
    "stellwerk.features.identity.pages:pages",
    "stellwerk.features.jobs.pages:pages",
    "stellwerk.features.releases.pages:pages",
    "stellwerk.features.decisions.pages:pages",
    "stellwerk.features.tracking_pages.experiments_page:pages",
    "stellwerk.features.tracking_pages.runs_page:pages",
    "stellwerk.features.tracking_pages.compare_page:pages",
    "stellwerk.features.tracking_pages.run_page:pages",
    "stellwerk.features.tracking_pages.artifacts_page:pages",
    "stellwerk.features.tracking_pages.models_pages:pages",
    "stellwerk.features.board.pages:pages",
    "stellwerk.features.board.service_pages:pages",
)
# Calls that come thousands of times a second: each module holds collections of raw routes.
RAW_MODULES = (
    "stellwerk.infra.http.raw.common:routes_bare",
    "stellwerk.infra.http.raw.common:routes_info",
    "stellwerk.features.experiments.mlflow_api:routes",
    "stellwerk.features.runs.mlflow_api:routes",
    "stellwerk.features.runs.mlflow_metrics_api:routes",
    "stellwerk.features.runs.mlflow_experiments_api:routes",
    "stellwerk.features.logged_models.mlflow_api:routes",
    "stellwerk.features.artifacts.mlflow_api:routes",
    "stellwerk.features.artifacts.mlflow_api:routes_places",
    "stellwerk.features.artifacts.mlflow_api:routes_bare",
    "stellwerk.features.artifacts.mlflow_uploads_api:routes",
    "stellwerk.features.webhooks.mlflow_api:routes",
    "stellwerk.features.registry.mlflow_models_api:routes",
    "stellwerk.features.registry.mlflow_versions_api:routes",
    "stellwerk.features.registry.mlflow_artifacts_api:routes",
    "stellwerk.features.transfer.api:routes",
)
# Kind of thing in a rule -> function (connection, name) -> owning team or None.
OWNERS: dict[str, str] = {
    "service": "stellwerk.features.releases.api:team_of_service",
    "job": "stellwerk.features.jobs.api:team_of_job",
}
NAVIGATION = (NavItem("services", "Services", "/", "s"), NavItem("models", "Models", "/models", "m"),
              NavItem("runs", "Runs", "/experiments", "r"))


def _named(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)


class _Identity:
    """The identity slice as the HTTP glue asks for it."""

    def by_token(self, connection: Any, token: Secret) -> Actor | None:
        return identity.actor_of_token(connection, token)

    def by_session(self, connection: Any, cookie: Secret) -> SignedIn | None:
        return identity.session_of_cookie(connection, cookie)


class ControlPlane(FastAPI):
    """The application with the guard around everything, error answers included."""

    guard: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        """Return the whole stack: the guard outermost, then the raw routes, then the framework."""
        return self.guard(super().build_middleware_stack())


def _common_routes(assets: Assets, app: FastAPI) -> Routes:
    routes = plain_routes(tag="common")

    @routes.get("/openapi.json", public("the form of the API is the same for everyone"), include_in_schema=False)
    def openapi() -> Response:
        """Describe the API as OpenAPI 3.1."""
        return JSONResponse(app.openapi())

    @routes.get("/static/{version}/{name:path}", public("style sheets and scripts of the pages"),
                include_in_schema=False)
    def static(version: str, name: str, request: Request) -> Response:
        """Give a static file; its address changes with its content, so it may be kept for ever."""
        asset = assets.files.get(name) if version == assets.version else None
        if asset is None:
            raise NotFound("There is no such static file.")
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        if len(asset.data) > 1024 and "gzip" in request.headers.get("accept-encoding", ""):
            return Response(asset.packed, media_type=asset.media_type, headers=headers | {"Content-Encoding": "gzip"})
        return Response(asset.data, media_type=asset.media_type, headers=headers)

    return routes


def create_app(home: Home, settings: Settings, *, more: tuple[Routes, ...] = (),
               owners: dict[str, OwnerOf] | None = None) -> FastAPI:
    """Put the server together; raises UndeclaredRoute for a route without a rule.

    ``more`` and ``owners`` add routes and owners of things to those of the slices.
    """
    registry = Registry()
    app = ControlPlane(title="Stellwerk", version="1", openapi_url=None, docs_url=None, redoc_url=None,
                       redirect_slashes=False)
    app.router.route_class = GuardedRoute
    known = {kind: _named(reference) for kind, reference in OWNERS.items()} | (owners or {})
    app.state.context = HttpContext(installation=Installation(home, settings), identity=_Identity(),
                                    registry=registry, owners=known, error_page=error_page)
    app.state.navigation = NAVIGATION
    slices = tuple(_named(reference) for reference in ROUTE_MODULES)
    for routes in (health_routes(metrics_public=settings.metrics_public), _common_routes(own_assets(), app),
                   *slices, *more):
        routes.install(app)
    install_error_handlers(app)
    raw = [*map(_named, RAW_MODULES), *not_offered()]
    app.guard = lambda inner: Guard(RawApp(inner, app.state.context, raw, OWNED), hosts=settings.host_list,
                                    registry=registry, by_token=OWNED)
    app.state.raw_routes = raw
    check_routes(app, known)
    register_tracked()
    tell_webhooks()
    keep_registered_files()
    # The guards of this installation and of no other that the process may have served before.
    GUARDS[:] = [ReleaseGuard(app.state.context.installation)]
    describe(app)
    return app


def serve(home: Home, *, fd: int | None = None, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve until a signal comes: on an inherited socket, or on an address of its own."""
    import uvicorn

    configure_logging("server")
    app = create_app(home, load_settings(home))
    # What stands now stays; without this the collector walks all of it again for every few pages of runs.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, server_header=False,
                            timeout_graceful_shutdown=5, limit_concurrency=512, timeout_keep_alive=20,
                            proxy_headers=True, forwarded_allow_ips="127.0.0.1,::1", ws="none", lifespan="off")
    sockets = [socket.socket(fileno=fd)] if fd is not None else None
    stop = threading.Event()
    publisher = threading.Thread(target=keep_published, args=(app.state.context.installation, stop),
                                 name="publisher", daemon=True)
    publisher.start()
    # What killed uploads left behind is no hurry: the server answers meanwhile.
    threading.Thread(target=sweep, args=(app.state.context.installation,), name="sweeper", daemon=True).start()
    uvicorn.Server(config).run(sockets=sockets)
    stop.set()
    publisher.join(timeout=5)


def main(arguments: list[str] | None = None) -> int:
    """Serve the home named on the command line."""
    parser = argparse.ArgumentParser(prog="stellwerk.apps.server")
    parser.add_argument("--home", required=True, type=Path)
    parser.add_argument("--fd", type=int)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    chosen = parser.parse_args(arguments)
    serve(Home(chosen.home), fd=chosen.fd, host=chosen.host, port=chosen.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
