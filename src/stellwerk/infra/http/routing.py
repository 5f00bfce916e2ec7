"""Routes that carry their rule: the only way in which slices declare API handlers and pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.infra.http.admission import Intake, admit
from stellwerk.infra.http.context import OwnerOf
from stellwerk.kernel.route import Rule, UndeclaredRoute, check_declared, declare, rule_of

_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_INTAKE = "__stellwerk_intake__"
_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
    for status, text in {401: "No valid token", 403: "Not permitted", 404: "Not found", 422: "Not valid"}.items()
}


class GuardedRoute(APIRoute):
    """A route that admits a caller by its declared rule before it reads or parses anything else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the admission in front; raises UndeclaredRoute without a rule."""
        rule = rule_of(self.endpoint)
        if rule is None:
            raise UndeclaredRoute(f"{self.path} has no declared rule")
        intake: Intake = getattr(self.endpoint, _INTAKE, Intake())
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            admitted = await admit(request, rule, intake)
            return await handler(admitted)

        return handle


@dataclass(frozen=True)
class _Entry:
    method: str
    path: str
    endpoint: Callable[..., Any]
    options: dict[str, Any]


class Routes:
    """The routes of a slice, collected by decorators and installed by the composition root."""

    def __init__(self, prefix: str, *, kind: Literal["api", "page"], tag: str) -> None:
        self.prefix = prefix
        self.kind = kind
        self.tag = tag
        self.entries: list[_Entry] = []

    def _add(self, method: str, path: str, rule: Rule, consumes: Literal["json", "form", "bytes", "none"],
             limit: int | None, options: dict[str, Any]) -> Callable[[_Handler], _Handler]:
        def decorate(endpoint: _Handler) -> _Handler:
            declare(endpoint, rule)
            setattr(endpoint, _INTAKE, Intake(kind=self.kind, consumes=consumes, limit=limit))
            self.entries.append(_Entry(method, self.prefix + path, endpoint, options))
            return endpoint

        return decorate

    def _default(self) -> Literal["json", "form"]:
        return "json" if self.kind == "api" else "form"

    def get(self, path: str, rule: Rule, **options: Any) -> Callable[[_Handler], _Handler]:
        """Declare a GET route."""
        return self._add("GET", path, rule, "none", None, options)

    def head(self, path: str, rule: Rule, **options: Any) -> Callable[[_Handler], _Handler]:
        """Declare a HEAD route."""
        return self._add("HEAD", path, rule, "none", None, options)

    def post(self, path: str, rule: Rule, *, consumes: Literal["json", "form", "bytes"] | None = None,
             limit: int | None = None, **options: Any) -> Callable[[_Handler], _Handler]:
        """Declare a POST route; ``limit`` caps its body in bytes (None: the setting ``body_bytes``)."""
        return self._add("POST", path, rule, consumes or self._default(), limit, options)

    def put(self, path: str, rule: Rule, *, consumes: Literal["json", "bytes"] = "json",
            limit: int | None = None, **options: Any) -> Callable[[_Handler], _Handler]:
        """Declare a PUT route; with ``consumes="bytes"`` the handler reads ``request.stream()`` itself."""
        return self._add("PUT", path, rule, consumes, limit, options)

    def delete(self, path: str, rule: Rule, **options: Any) -> Callable[[_Handler], _Handler]:
        """Declare a DELETE route."""
        return self._add("DELETE", path, rule, "json", None, options)

    def install(self, app: FastAPI) -> None:
        """Add the routes to an application whose router makes guarded routes."""
        for entry in self.entries:
            options: dict[str, Any] = {"tags": [self.tag]} | entry.options
            if self.kind == "page":
                options |= {"include_in_schema": False, "response_model": None}
            else:
                rule = rule_of(entry.endpoint)
                assert rule is not None
                options["responses"] = _ERRORS | options.get("responses", {})
                options.setdefault("operation_id", f"{self.tag}_{entry.endpoint.__name__}")
                options["openapi_extra"] = {"x-stellwerk-permission": rule.permission or "public"} | (
                    {"security": []} if rule.public else {}) | options.get("openapi_extra", {})
            app.router.add_api_route(entry.path, entry.endpoint, methods=[entry.method], **options)


def api_routes(prefix: str = "", *, tag: str) -> Routes:
    """Return an empty collection of API routes below ``/api/v1``: bearer or basic, never the cookie."""
    return Routes(f"/api/v1{prefix}", kind="api", tag=tag)


def plain_routes(*, tag: str) -> Routes:
    """Return an empty collection of API routes without a prefix, such as ``/healthz``."""
    return Routes("", kind="api", tag=tag)


def page_routes(prefix: str = "", *, tag: str) -> Routes:
    """Return an empty collection of pages: session cookie, and a CSRF token in each form."""
    return Routes(prefix, kind="page", tag=tag)


def served_routes(app: FastAPI) -> Iterable[tuple[str, str, object]]:
    """Yield (method, path, endpoint) of every route of an application."""
    for collection in getattr(app.state, "raw_routes", ()):
        for endpoint in collection.endpoints:
            yield endpoint.method, endpoint.path, endpoint.handler
    for route in app.router.routes:
        methods = getattr(route, "methods", None) or {"*"}
        for method in sorted(methods):
            yield method, getattr(route, "path", repr(route)), getattr(route, "endpoint", route)


def check_routes(app: FastAPI, owners: Iterable[str] | dict[str, OwnerOf]) -> None:
    """Refuse to start with a route without a rule, or a rule on a kind of thing whose owner nobody knows."""
    served = list(served_routes(app))
    check_declared((f"{method} {path}", endpoint) for method, path, endpoint in served)
    known = {"team", *owners}
    for method, path, endpoint in served:
        rule = rule_of(endpoint)
        wanted = rule.kind_and_parameter if rule else None
        if wanted is None:
            continue
        kind, parameter = wanted
        if kind not in known:
            raise UndeclaredRoute(f"{method} {path}: nobody tells which team owns a {kind}")
        if f"{{{parameter}" not in path:
            raise UndeclaredRoute(f"{method} {path}: the path has no parameter {parameter!r}")
