"""Opening a home folder, for the few commands that work on it rather than through the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stellwerk.cli.session import Session
from stellwerk.kernel.errors import Conflict

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from stellwerk.infra.database import Database, Work


def _database(session: Session) -> Database:
    from stellwerk.infra.database import Database
    from stellwerk.infra.migrations import SchemaState, inspect_schema
    from stellwerk.infra.settings import Home

    home = Home(session.home)
    state = inspect_schema(home.control)
    if state is SchemaState.OLDER:
        raise Conflict(f"The home {session.home} was written by an older release.", field="home",
                       value=str(session.home), hint=f"Bring it up to date first: stellwerk up --home {session.home}")
    if state is not SchemaState.CURRENT or not home.tracking.exists():
        from stellwerk.apps.prepare import prepare_home

        prepare_home(session.home)
    return Database(home.control)


@contextmanager
def write_home(session: Session) -> Iterator[Work]:
    """Yield a transaction on the home, which is made when it is missing. Raises Conflict for another release's."""
    from stellwerk.kernel.actor import SYSTEM

    with _database(session).write(SYSTEM) as work:
        yield work


@contextmanager
def read_home(session: Session) -> Iterator[Connection]:
    """Yield a connection to the home. Raises NotFound where none is, Conflict for another release's."""
    session.existing_home()
    with _database(session).read() as connection:
        yield connection
