"""The gateway's ASGI application: a short table of routes, each with its rule."""

from __future__ import annotations

import json
import re
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from stellwerk.dataplane.request_check import BODY_BYTES
from stellwerk.gateway.decide import Decider
from stellwerk.gateway.metrics import Metrics
from stellwerk.gateway.openapi import document
from stellwerk.gateway.routing import Routing
from stellwerk.kernel import clock
from stellwerk.kernel.errors import (
    BadInput,
    Forbidden,
    NotFound,
    StellwerkError,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from stellwerk.kernel.route import Rule, allow, check_declared, declare, public

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


_ALWAYS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class MethodNotAllowed(StellwerkError):
    """The address exists, the method does not."""

    code, status = "method_not_allowed", 405


class UnsupportedMediaType(StellwerkError):
    """The body is of another type than JSON."""

    code, status = "unsupported_media_type", 415


@dataclass(frozen=True)
class Request:
    """What a handler gets of a request."""

    service: str
    headers: Mapping[bytes, bytes]
    receive: Receive

    def header(self, name: bytes) -> str:
        """Return a header, empty where absent."""
        return self.headers.get(name, b"").decode("latin-1")


@dataclass(frozen=True)
class Answer:
    """What a handler returns."""

    body: bytes
    status: int = 200
    media_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


Handler = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True)
class Entry:
    """One route: method, address with the service's name as group, handler with its declared rule."""

    method: str
    address: str
    pattern: re.Pattern[str]
    handler: Handler


class Disconnected(Exception):
    """The caller went away before the body was whole."""


class Gateway:
    """Answers from the present routing; ``routing`` is None until the first snapshot."""

    def __init__(self, decider: Decider, metrics: Metrics) -> None:
        self.routing: Routing | None = None
        self.problem: str | None = None
        self._decider = decider
        self._metrics = metrics
        self.table: list[Entry] = []
        for method, address, rule, handler in (
            ("POST", "/v1/services/{name}/decisions", allow("decide", "service:name"), self._decide),
            ("GET", "/v1/services/{name}/openapi.json", allow("decide", "service:name"), self._openapi),
            ("GET", "/healthz", public("liveness for supervisors"), self._health),
            ("GET", "/readyz", public("readiness for load balancers"), self._ready),
            ("GET", "/metrics", allow("metrics.read", "any"), self._metrics_text),
        ):
            self._add(method, address, rule, handler)
        check_declared((f"{entry.method} {entry.address}", entry.handler) for entry in self.table)

    def _add(self, method: str, address: str, rule: Rule, bound: Handler) -> None:
        async def handler(request: Request) -> Answer:
            return await bound(request)

        pattern = re.compile(re.escape(address).replace(re.escape("{name}"), "(?P<name>[^/]{1,200})"))
        self.table.append(Entry(method, address, pattern, declare(handler, rule)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        service = ""
        try:
            headers = dict(scope["headers"])
            self._check_host(headers.get(b"host", b"").decode("latin-1"))
            entry, service = self._find(scope["method"], scope["path"])
            answer = await entry.handler(Request(service, headers, receive))
        except Disconnected:
            return
        except StellwerkError as error:
            answer = _failure(error)
        except Exception as error:  # the border of the process: a fault of ours must not show its insides
            answer = self._fault(error)
        self._metrics.count(service if self._is_live(service) else "", answer.status, time.perf_counter() - started)
        await _send(send, answer, scope["method"] == "HEAD")

    def _is_live(self, service: str) -> bool:
        return self.routing is not None and service in self.routing.routes

    def _find(self, method: str, path: str) -> tuple[Entry, str]:
        wanted = "GET" if method == "HEAD" else method
        others: list[str] = []
        for entry in self.table:
            found = entry.pattern.fullmatch(path)
            if found is None:
                continue
            if entry.method == wanted:
                return entry, found.groupdict().get("name", "")
            others += ["GET", "HEAD"] if entry.method == "GET" else [entry.method]
        if others:
            raise MethodNotAllowed("This address does not take this method.", field="method", value=method[:20],
                                   allowed=others)
        raise NotFound("There is nothing at this address.", field="path", value=path[:200],
                       allowed=[entry.address for entry in self.table])

    def _check_host(self, host: str) -> None:
        name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
        if self.routing is not None and name.lower() not in self.routing.hosts:
            raise Forbidden("This server is not known under that name.", field="Host", value=host[:200],
                            hint="Add the name to 'hosts' in stellwerk.toml.")

    def _present(self) -> Routing:
        if self.routing is None:
            raise Unavailable("Nothing is live yet.", retry_after=1,
                              hint="stellwerk ship takes a service live; this gateway then knows it within a second.")
        return self.routing

    async def _decide(self, request: Request) -> Answer:
        routing = self._present()
        caller = routing.caller(request.header(b"authorization"), time.time_ns() // 1000)
        route = routing.route(request.service, caller)
        if request.header(b"content-type").partition(";")[0].strip().lower() != "application/json":
            raise UnsupportedMediaType("This address takes JSON.", field="Content-Type",
                                       value=request.header(b"content-type")[:100], allowed="application/json")
        return Answer(await self._decider.decide(routing, route, caller, await _body(request)))

    async def _openapi(self, request: Request) -> Answer:
        routing = self._present()
        caller = routing.caller(request.header(b"authorization"), time.time_ns() // 1000)
        route = routing.route(request.service, caller)
        return Answer(msgspec.json.encode(document(route, routing.deployed[route.champion].revision)))

    async def _health(self, _request: Request) -> Answer:
        return Answer(b'{"status":"ok"}')

    async def _ready(self, _request: Request) -> Answer:
        ready = self.routing is not None and self._decider.alive
        body = {"status": "ready" if ready else "not ready", "generation": self._metrics.generation,
                "problem": self.problem}
        return Answer(msgspec.json.encode(body), 200 if ready else 503)

    async def _metrics_text(self, request: Request) -> Answer:
        routing = self._present()
        if not routing.snapshot.metrics_public:
            caller = routing.caller(request.header(b"authorization"), time.time_ns() // 1000)
            if not caller.metrics:
                raise Forbidden(f"{caller.name} may not read metrics.", field="permission", value="metrics.read",
                                hint="Use a token with the role operator.")
        return Answer(self._metrics.text().encode(), media_type=b"text/plain; version=0.0.4")

    def _fault(self, error: Exception) -> Answer:
        error_id = str(uuid.uuid4())
        line = {"at": clock.iso(clock.now()), "level": "error", "process": "gateway", "error_id": error_id,
                "error": f"{type(error).__name__}: {error}"[:2000]}
        print(json.dumps(line, ensure_ascii=True), file=sys.stderr, flush=True)  # noqa: T201 - the log of the process
        return Answer(msgspec.json.encode({
            "error_code": "internal_error",
            "message": f"The gateway failed at this request; no decision was made. Error id {error_id}."}), 500)


async def _body(request: Request) -> bytes:
    declared = request.header(b"content-length")
    # Twenty digits are beyond any body, and int() would refuse thousands.
    if declared and not (declared.isascii() and declared.isdigit()):
        raise BadInput("The length of the body is no number.", field="Content-Length", value=declared[:20])
    if len(declared) > 20 or int(declared or 0) > BODY_BYTES:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            break
    if not size:
        raise BadInput("The body is empty.", field="body", allowed='{"inputs": {…}}')
    return b"".join(parts)


def _too_large() -> TooLarge:
    return TooLarge(f"The body exceeds {BODY_BYTES} bytes.", field="Content-Length", allowed=f"{BODY_BYTES} bytes")


def _failure(error: StellwerkError) -> Answer:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(error, Unavailable):
        headers = ((b"retry-after", str(error.retry_after).encode()),)
    elif isinstance(error, Unauthenticated):
        headers = ((b"www-authenticate", b"Bearer"),)
    elif isinstance(error, MethodNotAllowed):
        headers = ((b"allow", ", ".join(error.allowed).encode()),)
    return Answer(msgspec.json.encode(error.body(), enc_hook=str), error.status, headers=headers)


async def _send(send: Send, answer: Answer, head: bool) -> None:
    headers = [(b"content-type", answer.media_type), (b"content-length", str(len(answer.body)).encode()),
               *_ALWAYS, *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else answer.body})
