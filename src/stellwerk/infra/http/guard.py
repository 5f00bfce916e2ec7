"""What every request meets first: Host allow-list, header limits, the browser guard, and safe answer headers."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stellwerk.infra.telemetry import Registry
from stellwerk.kernel.errors import BadInput, Forbidden, StellwerkError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'",
    "connect-src 'self'", "manifest-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
))
_HEADERS = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    # Not no-referrer: browsers then send "Origin: null" with our own forms.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=()"),
    (b"x-frame-options", b"DENY"),
)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_HEADER_BYTES = 32 << 10
_log = logging.getLogger("stellwerk.access")


class HeadersTooLarge(StellwerkError):
    """The header fields of a request exceed the limit."""

    code = "headers_too_large"
    status = 431


def host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    """Tell whether a Host header names an allowed host; an entry without a port admits every port."""
    name = host.strip().lower()
    if not name or any(character in name for character in "/@\\, \t"):
        return False
    bare, separator, port = name.rpartition(":")
    has_port = separator and port.isdigit() and (":" not in bare or bare.endswith("]"))
    without_port = bare if has_port else name
    return any(entry.lower() in (name, without_port) for entry in allowed)


def same_origin(origin: str, host: str, scheme: str) -> bool:
    """Tell whether an Origin header is this very address; ``null`` never is.

    Behind a TLS proxy the scheme seen here may be http while the browser's is https.
    """
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or (scheme == "https" and parts.scheme == "http"):
        return False
    port = {"http": ":80", "https": ":443"}[parts.scheme]
    return parts.netloc.lower().removesuffix(port) == host.strip().lower().removesuffix(port)


def _refusal(scope: Scope, allowed_hosts: tuple[str, ...], by_token: tuple[str, ...]) -> StellwerkError | None:
    pairs: list[tuple[bytes, bytes]] = scope["headers"]
    if sum(len(name) + len(value) for name, value in pairs) > _HEADER_BYTES:
        return HeadersTooLarge("The header fields are too large.", allowed=f"{_HEADER_BYTES} bytes")
    headers: dict[str, list[str]] = {}
    for raw_name, raw_value in pairs:
        headers.setdefault(raw_name.decode("latin-1").lower(), []).append(raw_value.decode("latin-1"))
    hosts = headers.get("host", [])
    if len(hosts) != 1 or not host_allowed(hosts[0], allowed_hosts):
        return Forbidden("This installation does not answer to that host name.", field="Host",
                         value=", ".join(hosts)[:200],
                         hint="Use an address of the setting 'hosts', or add this one there.")
    if "content-length" in headers and "transfer-encoding" in headers:
        return BadInput("A request carries Content-Length or Transfer-Encoding, not both.", field="Transfer-Encoding")
    if scope["method"] in _SAFE_METHODS:
        return None
    by_token_only = bool(by_token) and scope["path"].startswith(by_token)
    return _cross_site(headers, hosts[0], scope.get("scheme", "http"), by_token_only=by_token_only)


def _cross_site(headers: dict[str, list[str]], host: str, scheme: str, *,
                by_token_only: bool) -> StellwerkError | None:
    origins, sites = headers.get("origin", []), headers.get("sec-fetch-site", [])
    hint = "Send the form from a page of this installation, or use a token and no cookie."
    if any(site != "same-origin" for site in sites):
        return Forbidden("Another site may not change anything here.", field="Sec-Fetch-Site", value=sites[0][:200],
                         allowed="same-origin", hint=hint)
    if any(not same_origin(origin, host, scheme) for origin in origins):
        return Forbidden("Another site may not change anything here.", field="Origin", value=origins[0][:200],
                         allowed=f"{scheme}://{host}", hint=hint)
    token_alone = "authorization" in headers and "cookie" not in headers
    if not origins and not sites and not token_alone and not by_token_only:
        return Forbidden("A change must say which page it comes from, or carry a token and no cookie.",
                         field="Origin", hint=hint)
    return None


class Guard:
    """The outermost ASGI layer of a server."""

    def __init__(self, app: ASGIApp, *, hosts: tuple[str, ...], registry: Registry,
                 by_token: tuple[str, ...] = ()) -> None:
        self.app = app
        self.hosts = hosts
        # Below these prefixes no cookie admits anybody: who sends no token hears that one is asked for.
        self.by_token = by_token
        self.requests = registry.counter("stellwerk_http_requests_total", "Requests by route and status.",
                                         ("method", "route", "status"))
        self.seconds = registry.histogram("stellwerk_http_request_seconds", "Time to the end of the answer.",
                                          ("method", "route"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what comes from a wrong address or site, pass on the rest, and harden every answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()
        seen = {"status": 500}

        async def guarded_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                message = {**message, "headers": _with_safe_headers(list(message.get("headers", ())))}
            await send(message)

        try:
            refusal = _refusal(scope, self.hosts, self.by_token)
            if refusal is None:
                await self.app(scope, receive, guarded_send)
            else:
                await _answer(guarded_send, refusal)
        finally:
            self._note(scope, seen["status"], time.perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        # The template of the route, never the raw path: a one-time link must not reach log or metrics.
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE") else "other"
        self.requests.add(1, method=method, route=route, status=str(status))
        self.seconds.observe(seconds, method=method, route=route)
        actor = scope.get("state", {}).get("actor")
        _log.info("request", extra={"facts": {"method": method, "route": route, "status": status,
                                              "ms": round(seconds * 1000, 2), "actor": getattr(actor, "id", None)}})


def _with_safe_headers(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    headers.extend(pair for pair in _HEADERS if pair[0] not in present)
    if b"cache-control" not in present:
        headers.append((b"cache-control", b"no-store"))
    return headers


async def _answer(send: Any, error: StellwerkError) -> None:
    body = json.dumps(error.body()).encode()
    await send({"type": "http.response.start", "status": error.status, "headers": [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
        (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
