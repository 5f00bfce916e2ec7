"""Opening connections of either kind, and what a failing statement means to a caller."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stellwerk.infra.tracking_database.statements import (
    PostgresStatements,
    SqliteStatements,
    beyond_range,
    too_complex,
    too_slow,
)
from stellwerk.kernel.errors import AlreadyExists, StellwerkError, Unavailable
from stellwerk.kernel.secret import Secret

# What SQLite says of a statement beyond its limits; PostgreSQL has a class of states for it.
_TOO_COMPLEX = ("parser stack overflow", "Expression tree is too large", "too many SQL variables", "tables in a join",
                "string or blob too big", "LIKE or GLOB pattern too complex")
_LOCK_MS = 15_000
_IDLE_MS = 60_000
Connected = SqliteStatements | PostgresStatements
Connect = Callable[[bool], Connected]
"""Opens a connection: for writing when True, else for reading only."""


def sqlite_file(path: Path) -> Connect:
    """Return what opens connections on a SQLite file in write-ahead mode."""

    def connect(writes: bool) -> SqliteStatements:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10,
                                     cached_statements=512)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "case_sensitive_like=ON",
                       "temp_store=MEMORY", f"cache_size={-24_000 if writes else -12_000}",
                       f"query_only={'OFF' if writes else 'ON'}"):
            connection.execute(f"PRAGMA {pragma}")
        return SqliteStatements(connection)

    return connect


def postgres_server(address: Secret) -> Connect:
    """Return what opens connections on a PostgreSQL database."""

    def connect(writes: bool) -> PostgresStatements:
        import psycopg

        connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(
            address.reveal(), autocommit=True, prepare_threshold=2, connect_timeout=10)
        if writes:
            # A process that hangs with a lock, or whose machine is gone, must not stop the writers of all others.
            connection.execute(f"SET lock_timeout = {_LOCK_MS}".encode())
            connection.execute(f"SET idle_in_transaction_session_timeout = {_IDLE_MS}".encode())
        else:
            connection.execute("SET default_transaction_read_only = on")
            # Searches say in which order tables are read, by indexes; fresh tables have no statistics to say it better.
            for setting in ("join_collapse_limit = 1", "from_collapse_limit = 1", "enable_seqscan = off",
                            "enable_hashjoin = off", "enable_mergejoin = off", "jit = off"):
                connection.execute(f"SET {setting}".encode())
        return PostgresStatements(connection)

    return connect


def begin(statements: Connected, writes: bool) -> None:
    """Open a transaction: one consistent view when reading, the right to write when writing."""
    if isinstance(statements, SqliteStatements):
        statements.connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    else:
        statements.connection.execute("BEGIN" if writes else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")


def translated(error: Exception, seconds: float = 0.0) -> Exception:
    """Return what a caller is told about an error of the driver; the error itself when it is a fault of ours."""
    if isinstance(error, StellwerkError):
        return error
    text = str(error)
    if isinstance(error, OverflowError) and "SQLite" in text:
        return beyond_range()
    if isinstance(error, sqlite3.Error):
        if "interrupted" in text:
            return too_slow(seconds)
        if "full" in text:
            return Unavailable("The disk is full; nothing was changed.", retry_after=30,
                               hint="Free space on the volume of the home folder and try again.")
        if "locked" in text or "busy" in text:
            return Unavailable("The database is busy; nothing was changed.", retry_after=1, hint="Try again.")
        if "UNIQUE constraint failed" in text:
            return taken()
        return too_complex() if any(part in text for part in _TOO_COMPLEX) else error
    state = getattr(error, "sqlstate", None)
    if state == "57014":
        return too_slow(seconds)
    if state == "23505":
        return taken()
    if state is not None and state.startswith("54"):
        return too_complex()
    if _of_value(error, state):
        return beyond_range()
    if _out_of_reach(error, state):
        return Unavailable("The tracking database cannot be reached or is busy; nothing was changed.", retry_after=2,
                           hint="Try again; if it stays, look at the PostgreSQL server.")
    return error


@contextlib.contextmanager
def in_words(seconds: float = 0.0) -> Iterator[None]:
    """Turn the errors of a driver into what a caller is told; ``seconds`` is the limit that the statements had."""
    try:
        yield
    except Exception as error:  # psycopg's own classes are not imported where SQLite is enough
        told = translated(error, seconds)
        if told is not error:
            raise told from error
        raise


def _of_value(error: Exception, state: str | None) -> bool:
    """Tell whether PostgreSQL, or its driver, refuses a value: a number too large, a text with a NUL."""
    if not type(error).__module__.startswith("psycopg"):
        return False
    return state[:2] == "22" if state else type(error).__name__ == "DataError"


def taken() -> AlreadyExists:
    """Return the error for a name that somebody else was faster to take."""
    return AlreadyExists("Something of that name was made at the same moment; nothing was changed.",
                         hint="Look at what is there now, then try again.")


def _out_of_reach(error: Exception, state: str | None) -> bool:
    if not type(error).__module__.startswith("psycopg"):
        return False
    # Without a state the driver speaks for itself: of its connection, or of a value that it cannot send.
    return state[:2] in ("08", "53", "55", "57", "40") or state == "25P03" if state else type(error).__name__ in (
        "OperationalError", "InterfaceError", "ConnectionTimeout")


def lost(statements: Connected) -> bool:
    """Tell whether a connection can no longer be used."""
    return isinstance(statements, PostgresStatements) and bool(statements.connection.closed
                                                                or statements.connection.broken)
