"""One error shape for every status, as JSON for programs and as a page for people."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from stellwerk.infra.http.admission import SignInNeeded
from stellwerk.infra.http.context import context_of
from stellwerk.kernel.errors import BadInput, StellwerkError, Unauthenticated, Unavailable
from stellwerk.kernel.ids import new_id

_SECRET_FIELDS = frozenset({"password", "new_password", "token", "secret", "csrf_token"})
_WORDS = {400: ("invalid_parameter", "The request is not valid."),
          404: ("not_found", "No page and no record has this address."),
          405: ("method_not_allowed", "This address does not take that method."),
          413: ("too_large", "The request is too large.")}
_log = logging.getLogger("stellwerk.http")


def wants_page(request: Request) -> bool:
    """Tell whether a person in a browser asks, so that an error should be a page."""
    if request.url.path.startswith(("/api/", "/v1/", "/v2/")):
        return False
    return "text/html" in request.headers.get("accept", "")


def answer(request: Request, status: int, body: Mapping[str, Any],
           headers: Mapping[str, str] | None = None) -> Response:
    """Return an error body as a page or as JSON."""
    page = context_of(request).error_page
    if page is not None and wants_page(request):
        response = page(request, status, body)
        response.headers.update(dict(headers or {}))
        return response
    return JSONResponse(json.loads(json.dumps(body, default=str)), status_code=status, headers=dict(headers or {}))


def validation_error(error: RequestValidationError) -> BadInput:
    """Return the first fault of a request as field, value and what is allowed; the others as details."""
    faults = [_fault(item) for item in error.errors()]
    first = faults[0]
    refused = BadInput(f"{first['field']}: {first['message']}", field=first["field"], value=first.get("value"),
                       allowed=first.get("allowed"), details=faults[1:] or None)
    refused.status = 422
    return refused


def _fault(item: Mapping[str, Any]) -> dict[str, Any]:
    where = [str(part) for part in item["loc"]]
    name = ".".join(where[1:]) or where[0]
    fault: dict[str, Any] = {"field": name, "message": item["msg"]}
    if item["type"] != "missing" and where[-1] not in _SECRET_FIELDS:
        value = item.get("input")
        if isinstance(value, (str, int, float, bool)):
            fault["value"] = value[:200] if isinstance(value, str) else value
    context = item.get("ctx") or {}
    allowed = {key: bound for key, bound in context.items() if isinstance(bound, (str, int, float, bool))}
    if "expected" in allowed:
        fault["allowed"] = allowed["expected"]
    elif allowed:
        fault["allowed"] = allowed
    elif item["type"] == "extra_forbidden":
        fault["allowed"] = "no other fields"
    return fault


async def _on_stellwerk_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StellwerkError)
    if isinstance(error, SignInNeeded) and wants_page(request) and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/sign-in" + ("" if target == "/" else f"?next={quote(target, safe='/')}"), 303)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="stellwerk"'
    retry_after = getattr(error, "retry_after", None)
    if isinstance(error, Unavailable) or retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return answer(request, error.status, error.body(), headers)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    refused = validation_error(error)
    return answer(request, refused.status, refused.body())


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, message = _WORDS.get(error.status_code, (f"http_{error.status_code}", str(error.detail)))
    return answer(request, error.status_code, {"error_code": code, "message": message}, error.headers)


async def _on_unexpected(request: Request, error: Exception) -> Response:
    error_id = new_id()
    _log.error("unexpected error", exc_info=error, extra={"facts": {"error_id": error_id}})
    body = {"error_code": "internal_error",
            "message": "The server met an error that it did not expect; nothing of this request was kept.",
            "hint": f"Try again; if it stays, give the operator this error id: {error_id}",
            "details": {"error_id": error_id}}
    return answer(request, 500, body)


def install_error_handlers(app: FastAPI) -> None:
    """Give every error of an application the one shape."""
    app.add_exception_handler(StellwerkError, _on_stellwerk_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_unexpected)
