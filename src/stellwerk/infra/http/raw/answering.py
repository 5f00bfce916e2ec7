"""One call as a handler sees it, and what it may answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stellwerk.infra.http.context import HttpContext
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import StellwerkError, TooLarge

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from stellwerk.infra.installation import Installation
    from stellwerk.infra.tracking_database import TrackingDatabase


@dataclass(frozen=True)
class Protocol:
    """How one protocol reads bodies and says errors."""

    decode_body: Callable[[type[Any], bytes], Any]
    decode_query: Callable[[type[Any], bytes], Any]
    encode: Callable[[Any], bytes]
    error: Callable[[StellwerkError], tuple[int, dict[str, object]]]
    unknown: Callable[[str, str], tuple[int, dict[str, object]]]


@dataclass(slots=True)
class Answer:
    """An answer with its own status, type and headers; ``chunks`` gives a body piece by piece."""

    body: bytes = b""
    status: int = 200
    media_type: bytes = b"application/json"
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    chunks: AsyncIterator[bytes] | None = None


@dataclass(slots=True)
class Call:
    """One admitted call: who calls, the parameters of its path, and its body to come."""

    scope: Scope
    receive: Receive
    context: HttpContext
    caller: Actor | None
    path: Mapping[str, str]

    @property
    def actor(self) -> Actor:
        """Who calls; only on routes that are not public."""
        assert self.caller is not None
        return self.caller

    @property
    def installation(self) -> Installation:
        """The installation that is served."""
        return self.context.installation

    @property
    def tracking(self) -> TrackingDatabase:
        """The tracking database."""
        return self.context.installation.tracking

    def header(self, name: bytes) -> str:
        """Return a header's value, or an empty text."""
        for key, value in self.scope["headers"]:
            if key == name:
                text: str = value.decode("latin-1")
                return text
        return ""

    def check_length(self, limit: int) -> None:
        """Raise TooLarge for a body that says of itself that it exceeds ``limit`` bytes."""
        length = self.header(b"content-length")
        if length and (len(length) > 15 or not (length.isascii() and length.isdigit()) or int(length) > limit):
            raise too_large(limit)

    async def read_body(self, limit: int) -> bytes:
        """Return the whole body; raises TooLarge beyond ``limit`` bytes."""
        message = await self.receive()
        if message["type"] == "http.disconnect":
            raise _gone()
        body: bytes = message.get("body", b"")
        if not message.get("more_body"):
            if len(body) > limit:
                raise too_large(limit)
            return body
        parts = [body]
        seen = len(body)
        async for chunk in self._rest():
            seen += len(chunk)
            if seen > limit:
                raise too_large(limit)
            parts.append(chunk)
        return b"".join(parts)

    async def stream(self, limit: int) -> AsyncIterator[bytes]:
        """Yield the body piece by piece; raises TooLarge beyond ``limit`` bytes."""
        seen = 0
        async for chunk in self._rest():
            seen += len(chunk)
            if seen > limit:
                raise too_large(limit)
            yield chunk

    async def _rest(self) -> AsyncIterator[bytes]:
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise _gone()
            yield message.get("body", b"")
            if not message.get("more_body"):
                return


class Disconnected(StellwerkError):
    """The caller is gone; nobody reads the answer."""

    code = "disconnected"
    status = 400


def _gone() -> Disconnected:
    return Disconnected("The caller went away before the body was complete.")


def too_large(limit: int) -> TooLarge:
    """Return the error for a body beyond the limit."""
    return TooLarge(f"The body exceeds {limit} bytes.", field="Content-Length", allowed=f"{limit} bytes",
                    hint="Send less at once; the settings 'body_bytes' and 'artifact_bytes' hold the limits.")
