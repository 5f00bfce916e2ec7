"""What the HTTP glue of one server works with; the composition root puts it together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.infra.installation import Installation
from stellwerk.infra.telemetry import Registry
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.secret import Secret

OwnerOf = Callable[[Connection, str], str | None]


@dataclass(frozen=True)
class SignedIn:
    """A browser session: who acts, and the token that its forms must carry."""

    actor: Actor
    session_id: str
    csrf_token: Secret


class Identity(Protocol):
    """Tells who stands behind a credential; the identity slice implements it."""

    def by_token(self, connection: Connection, token: Secret) -> Actor | None:
        """Return the actor of a valid API token, or None."""

    def by_session(self, connection: Connection, cookie: Secret) -> SignedIn | None:
        """Return the session of a cookie, or None when there is none or it has ended."""


@dataclass
class HttpContext:
    """Installation, identity, owners of things by kind, and how errors look to a person."""

    installation: Installation
    identity: Identity
    registry: Registry
    owners: Mapping[str, OwnerOf] = field(default_factory=dict)
    error_page: Callable[[Request, int, Mapping[str, object]], Response] | None = None
    # One writer waits for the database at a time; the others wait here and hold no thread meanwhile.
    writer: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Fewer than threads and pooled connections, so that a holder always finds a thread to go on.
    readers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))


def context_of(request: Request) -> HttpContext:
    """Return the context of the server that got this request."""
    context = request.app.state.context
    assert isinstance(context, HttpContext)
    return context
