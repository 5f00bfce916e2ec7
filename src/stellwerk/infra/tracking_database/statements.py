"""What slices run SQL through: one connection, positional parameters written as ``?``, plain tuples back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from stellwerk.kernel.errors import BadInput

if TYPE_CHECKING:
    import psycopg

Row = tuple[Any, ...]
# Instructions of SQLite's machine between two looks at the clock.
_STEPS = 50_000


class Statements(Protocol):
    """One connection inside a transaction that belongs to the caller's request."""

    postgres: bool
    # Numbers of names and names of numbers that this connection has seen committed or wrote itself.
    memo: dict[str, int]
    names: dict[int, str]

    def forget(self) -> None:
        """Empty what the connection remembers, since a change that it knows of was undone."""

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query, or None."""

    def fetch_value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield the rows of a query that may not fit into memory."""

    def modify(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a change and return how many rows it touched."""

    def modify_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a change once for each row of parameters."""


def marks(count: int) -> str:
    """Return so many placeholders, as ``?, ?, ?``."""
    return ", ".join(("?",) * count)


class _Remembering:
    def __init__(self) -> None:
        self.memo: dict[str, int] = {}
        self.names: dict[int, str] = {}

    def forget(self) -> None:
        """Empty what the connection remembers."""
        self.memo.clear()
        self.names.clear()


class SqliteStatements(_Remembering):
    """Statements on a SQLite connection."""

    postgres = False

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self.connection = connection

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self.connection.execute(sql, parameters).fetchall()

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query, or None."""
        cursor = self.connection.execute(sql, parameters)
        row: Row | None = cursor.fetchone()
        # An open cursor would hold the read transaction.
        cursor.close()
        return row

    def fetch_value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        row = self.fetch_one(sql, parameters)
        return None if row is None else row[0]

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield the rows of a query that may not fit into memory."""
        yield from self.connection.execute(sql, parameters)

    def modify(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a change and return how many rows it touched."""
        return self.connection.execute(sql, parameters).rowcount

    def modify_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a change once for each row of parameters."""
        self.connection.executemany(sql, rows)

    def limit_time(self, seconds: float) -> None:
        """Let statements of this connection end after so many seconds from now; 0 takes the limit away."""
        if not seconds:
            self.connection.set_progress_handler(None, 0)
            return
        until = time.monotonic() + seconds
        self.connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)


@lru_cache(maxsize=2048)
def _for_postgres(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresStatements(_Remembering):
    """Statements on a psycopg connection."""

    postgres = True

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        super().__init__()
        self.connection = connection

    def fetch_all(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a query."""
        return self._run(sql, parameters).fetchall()

    def fetch_one(self, sql: str, parameters: Sequence[Any] = ()) -> Row | None:
        """Return the first row of a query, or None."""
        return self._run(sql, parameters).fetchone()

    def fetch_value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        row = self.fetch_one(sql, parameters)
        return None if row is None else row[0]

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield the rows of a query that may not fit into memory."""
        with self.connection.cursor(name="stream") as cursor:
            cursor.itersize = 5000
            cursor.execute(_for_postgres(sql).encode(), parameters)
            yield from cursor

    def modify(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run a change and return how many rows it touched."""
        return self._run(sql, parameters).rowcount

    def modify_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a change once for each row of parameters."""
        with self.connection.cursor() as cursor:
            cursor.executemany(_for_postgres(sql).encode(), rows)

    def limit_time(self, seconds: float) -> None:
        """Let statements of this connection end after so many seconds; 0 takes the limit away."""
        self.connection.execute(f"SET statement_timeout = {int(seconds * 1000)}".encode())

    def _run(self, sql: str, parameters: Sequence[Any]) -> psycopg.Cursor[Row]:
        return self.connection.execute(_for_postgres(sql).encode(), parameters)


def too_slow(seconds: float) -> BadInput:
    """Return the error of a search that was stopped after so many seconds."""
    return BadInput(f"The search was stopped after {seconds:g} seconds.",
                    hint="Name fewer experiments, or filter by something that few runs have.")


def beyond_range() -> BadInput:
    """Return the error of a value that the database cannot hold."""
    return BadInput("A value is beyond what the database can hold.",
                    hint="Numbers are whole ones of 64 bits at most, and texts hold no NUL.")


def too_complex() -> BadInput:
    """Return the error of a search that is beyond what the database can read."""
    return BadInput("The search asks for too much at once.", hint="Use fewer or shorter conditions, keys and ids.")
