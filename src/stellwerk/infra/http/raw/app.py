"""The ASGI layer that answers raw routes and passes everything else on."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from stellwerk.infra.http.context import HttpContext
from stellwerk.infra.http.raw.answering import Answer, Call, Disconnected
from stellwerk.infra.http.raw.routes import Endpoint, RawRoutes
from stellwerk.infra.http.raw.tokens import TokenCache, token_of
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Forbidden, StellwerkError, Unauthenticated, Unavailable
from stellwerk.kernel.ids import new_id
from stellwerk.kernel.route import Rule

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_PARAMETER = re.compile(r"\{([a-z_]+)(:path)?\}")
_EMPTY: dict[str, str] = {}
_log = logging.getLogger("stellwerk.http")


@dataclass(frozen=True, slots=True)
class _Place:
    """What the guard reads as the matched route."""

    path: str


class WrongMethod(StellwerkError):
    """The address does not take that method."""

    code = "method_not_allowed"
    status = 405


class RawApp:
    """Answers calls below ``owned`` prefixes; an address there that no route has is answered as unknown."""

    def __init__(self, inner: ASGIApp, context: HttpContext, routes: Iterable[RawRoutes],
                 owned: tuple[str, ...]) -> None:
        self.inner = inner
        self.context = context
        self.owned = owned
        self.exact: dict[str, dict[str, Endpoint]] = {}
        self.templates: list[tuple[re.Pattern[str], dict[str, Endpoint]]] = []
        self._tokens = TokenCache(context)
        by_template: dict[str, dict[str, Endpoint]] = {}
        for collection in routes:
            self.protocol = collection.protocol
            for endpoint in collection.endpoints:
                table = self.exact if "{" not in endpoint.path else by_template
                methods = table.setdefault(endpoint.path, {})
                if endpoint.method in methods:
                    raise ValueError(f"{endpoint.method} {endpoint.path} is declared twice")
                methods[endpoint.method] = endpoint
        for path, methods in sorted(by_template.items(), key=lambda item: (item[0].count("{"), -len(item[0]))):
            self.templates.append((_pattern(path), methods))

    def served(self) -> Iterator[tuple[str, str, object]]:
        """Yield (method, path, handler) of every raw route."""
        tables = [*self.exact.values(), *(methods for _, methods in self.templates)]
        for methods in tables:
            for endpoint in methods.values():
                yield endpoint.method, endpoint.path, endpoint.handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a raw route, or hand the call on."""
        path = scope["path"]
        methods = self.exact.get(path)
        if methods is not None and b"%" in scope.get("raw_path", b""):
            methods = None  # an encoded slash separates nothing
        if methods is None and not path.startswith(self.owned):
            await self.inner(scope, receive, send)
            return
        parameters = _EMPTY
        if methods is None:
            methods, parameters = self._by_template(scope, path)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if methods is None:
            scope["route"] = _Place("unmatched")
            await self._say(send, *self.protocol.unknown(method, path))
            return
        endpoint = methods.get(method)
        if endpoint is None:
            error = WrongMethod("This address does not take that method.", field="method", value=method,
                                allowed=sorted(methods))
            await self._refuse(send, error, [(b"allow", ", ".join(sorted(methods)).encode())])
            return
        scope["route"] = _Place(endpoint.path)
        await self._serve(endpoint, parameters, scope, receive, send)

    def _by_template(self, scope: Scope, path: str) -> tuple[dict[str, Endpoint] | None, dict[str, str]]:
        # Matched before decoding, so that an encoded slash stays inside of its segment; decoded once.
        raw = scope.get("raw_path") or path.encode()
        text = raw.partition(b"?")[0].decode("latin-1")
        for pattern, methods in self.templates:
            found = pattern.fullmatch(text)
            if found:
                if "%00" in text:  # no name holds a NUL, and not every database can be asked for one
                    return None, _EMPTY
                try:
                    return methods, {name: unquote_to_bytes(value).decode("utf-8")
                                     for name, value in found.groupdict().items()}
                except UnicodeDecodeError:
                    return None, _EMPTY
        return None, _EMPTY

    async def _serve(self, endpoint: Endpoint, parameters: dict[str, str], scope: Scope, receive: Receive,
                     send: Send) -> None:
        try:
            actor = self._admit(endpoint.rule, scope)
            call = Call(scope, receive, self.context, actor, parameters)
            if endpoint.struct is None:
                result = await endpoint.handler(call)
            else:
                result = await endpoint.handler(call, await self._request(endpoint, call))
            answer = result if isinstance(result, Answer) else Answer(endpoint.protocol.encode(result))
            await _send(send, answer, bodiless=scope["method"] == "HEAD")
        except Disconnected:
            return
        except StellwerkError as error:
            await self._refuse(send, error)
        except Exception as error:
            error_id = new_id()
            _log.error("unexpected error", exc_info=error, extra={"facts": {"error_id": error_id}})
            await self._say(send, 500, {"error_code": "INTERNAL_ERROR", "message":
                                        "The server met an error that it did not expect; nothing of this request was "
                                        f"kept. Give the operator this error id: {error_id}"})

    def _admit(self, rule: Rule, scope: Scope) -> Actor | None:
        token = token_of(scope)
        actor = self._tokens.actor(token) if token is not None else None
        scope.setdefault("state", {})["actor"] = actor
        if rule.public:
            return actor
        if actor is None:
            raise Unauthenticated(
                "This address asks for a token." if token is None
                else "The token is not valid: unknown, expired or revoked.",
                hint="Set MLFLOW_TRACKING_TOKEN; make one with: stellwerk token create NAME --role builder")
        held = actor.may(rule.permission, None) if rule.resource == "installation" else (
            actor.may_anywhere(rule.permission))
        if not held:
            raise Forbidden(f"{actor.name} lacks the permission {rule.permission!r}.", field="permission",
                            value=rule.permission, hint="Ask an admin for a role that grants it.")
        return actor

    async def _request(self, endpoint: Endpoint, call: Call) -> Any:
        if endpoint.from_query:
            return endpoint.protocol.decode_query(endpoint.struct or object, call.scope["query_string"])
        limit = endpoint.limit or self.context.installation.settings.body_bytes
        call.check_length(limit)
        body = await call.read_body(limit)
        if not body and call.scope["query_string"]:
            return endpoint.protocol.decode_query(endpoint.struct or object, call.scope["query_string"])
        if body:
            media_type = call.header(b"content-type").partition(";")[0].strip().lower()
            if media_type != "application/json":
                raise BadInput("Bad Request. Content-Type must be 'application/json'.", field="Content-Type",
                               value=media_type[:100], allowed="application/json")
        return endpoint.protocol.decode_body(endpoint.struct or object, body)

    async def _refuse(self, send: Send, error: StellwerkError, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        status, body = self.protocol.error(error)
        more = list(headers)
        if isinstance(error, Unauthenticated):
            more.append((b"www-authenticate", b'Bearer realm="stellwerk"'))
        if isinstance(error, Unavailable):
            more.append((b"retry-after", str(error.retry_after).encode()))
        if status == 413:
            more.append((b"connection", b"close"))
        await self._say(send, status, body, more)

    @staticmethod
    async def _say(send: Send, status: int, body: dict[str, object],
                   headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        await _send(send, Answer(json.dumps(body, default=str).encode(), status=status, headers=list(headers)))


async def _send(send: Send, answer: Answer, *, bodiless: bool = False) -> None:
    headers = [(b"content-type", answer.media_type), *answer.headers]
    if answer.chunks is None:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.chunks is not None and not bodiless:
        async for chunk in answer.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b"" if bodiless else answer.body})


def _pattern(path: str) -> re.Pattern[str]:
    text, position = "", 0
    for found in _PARAMETER.finditer(path):
        text += re.escape(path[position:found.start()])
        text += f"(?P<{found.group(1)}>{'.+' if found.group(2) else '[^/]+'})"
        position = found.end()
    return re.compile(text + re.escape(path[position:]))
