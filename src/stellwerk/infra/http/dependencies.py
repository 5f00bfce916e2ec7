"""What a handler asks for by type: the actor, a reading connection, or the one transaction of the request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends
from fastapi.concurrency import contextmanager_in_threadpool
from sqlalchemy.engine import Connection
from starlette.requests import Request

from stellwerk.infra.database import Work
from stellwerk.infra.http.context import HttpContext, SignedIn, context_of
from stellwerk.infra.installation import Installation
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Unauthenticated


def current_actor(request: Request) -> Actor:
    """Return who calls; raises Unauthenticated on a public route that nobody signed."""
    actor = getattr(request.state, "actor", None)
    if not isinstance(actor, Actor):
        raise Unauthenticated("Nobody is signed in.", hint="Send a token, or sign in.")
    return actor


def current_session(request: Request) -> SignedIn | None:
    """Return the browser session, or None when the request has none."""
    session = getattr(request.state, "session", None)
    return session if isinstance(session, SignedIn) else None


def installation_of(request: Request) -> Installation:
    """Return the installation that this server serves."""
    return context_of(request).installation


async def read_connection(request: Request) -> AsyncIterator[Connection]:
    """Yield a connection with one consistent view for the whole request."""
    context = context_of(request)
    async with context.readers, contextmanager_in_threadpool(context.installation.database.read()) as connection:
        yield connection


async def write_work(request: Request) -> AsyncIterator[Work]:
    """Yield the transaction of this request: committed before the answer leaves, undone by any error."""
    context = context_of(request)
    actor = current_actor(request)
    async with context.writer, contextmanager_in_threadpool(context.installation.database.write(actor)) as work:
        yield work


CurrentActor = Annotated[Actor, Depends(current_actor)]
CurrentSession = Annotated[SignedIn | None, Depends(current_session)]
CurrentInstallation = Annotated[Installation, Depends(installation_of)]
Context = Annotated[HttpContext, Depends(context_of)]
ReadConnection = Annotated[Connection, Depends(read_connection, scope="function")]
# Function scope: the exit, and with it the commit, comes before the answer is sent.
WriteWork = Annotated[Work, Depends(write_work, scope="function")]
