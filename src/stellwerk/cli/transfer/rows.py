"""Rows of a foreign database: an SQLite file or a PostgreSQL server, opened for reading only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stellwerk.kernel.errors import BadInput, NotFound, Unavailable

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

Rows = Iterator[tuple[Any, ...]]
_PIECE = 20_000
_HELD = 10 * _PIECE


class Database(Protocol):
    """A foreign database; parameters stand as ``:name``."""

    label: str
    # The folder of the database file, or None for a server.
    folder: Path | None
    postgres: bool

    def rows(self, sql: str, **parameters: Any) -> Rows:
        """Yield the rows of a query."""

    def pieces(self, sql: str, **parameters: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in large pieces."""

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns; none where there is no such table."""

    def close(self) -> None:
        """Close the connection."""


class SqliteDatabase:
    """An SQLite file."""

    postgres = False

    def __init__(self, path: Path) -> None:
        self.label = f"sqlite:{path}"
        self.folder: Path | None = path.parent
        try:
            self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=30)
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise BadInput(f"{path} cannot be read as an SQLite database: {error}", field="source", value=str(path),
                           hint="Name the database file of MLflow, often mlflow.db.") from None

    def rows(self, sql: str, **parameters: Any) -> Rows:
        """Yield the rows of a query."""
        yield from self._connection.execute(sql, parameters)

    def pieces(self, sql: str, **parameters: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in large pieces."""
        cursor = self._connection.execute(sql, parameters)
        # An open query locks out a server that writes meanwhile, so what fits into memory is read at once.
        while found := cursor.fetchmany(_HELD):
            for start in range(0, len(found), _PIECE):
                yield found[start:start + _PIECE]

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns; none where there is no such table."""
        return frozenset(row[0] for row in self.rows("SELECT name FROM pragma_table_info(:name)", name=table))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class PostgresDatabase:
    """A database of a PostgreSQL server."""

    postgres = True
    folder: Path | None = None

    def __init__(self, url: URL) -> None:
        import sqlalchemy

        self.label = f"postgresql://{url.host or url.query.get('host', 'localhost')}:{url.port or 5432}/{url.database}"
        self._engine = sqlalchemy.create_engine(url.set(drivername="postgresql+psycopg"), execution_options={
            "postgresql_readonly": True})
        try:
            next(self.rows("SELECT 1"))
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise Unavailable(f"{self.label} cannot be opened: {getattr(error, 'orig', error)}", field="source",
                              hint="Give postgresql://USER:PASSWORD@HOST:PORT/DATABASE of the MLflow server.") from None

    def rows(self, sql: str, **parameters: Any) -> Rows:
        """Yield the rows of a query."""
        import sqlalchemy

        with self._engine.connect() as connection:
            found = connection.execute(sqlalchemy.text(sql), parameters).fetchall()
        yield from (tuple(row) for row in found)

    def pieces(self, sql: str, **parameters: Any) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in large pieces."""
        import sqlalchemy

        with self._engine.connect() as connection:
            result = connection.execution_options(stream_results=True, max_row_buffer=_PIECE).execute(
                sqlalchemy.text(sql), parameters)
            for piece in result.partitions(_PIECE):
                yield [tuple(row) for row in piece]

    def columns(self, table: str) -> frozenset[str]:
        """Return the names of a table's columns; none where there is no such table."""
        return frozenset(row[0] for row in self.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = :name "
            "AND table_schema = ANY (current_schemas(false))", name=table))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def open_database(address: str) -> Database:
    """Open a database by URL or file for reading only; raises BadInput, NotFound, Unavailable."""
    scheme = address.partition("://")[0] if "://" in address else ""
    if scheme.partition("+")[0] in ("postgresql", "postgres"):
        from sqlalchemy.engine import make_url

        return PostgresDatabase(make_url(address))
    if scheme and scheme.partition("+")[0] != "sqlite":
        raise BadInput(f"Databases of the kind {scheme!r} cannot be read.", field="source", value=scheme,
                       allowed="sqlite:///FILE, a file, postgresql://…, or http(s)://… of an MLflow server",
                       hint="Start mlflow server on it and give that server's address.")
    name = address.partition("://")[2].removeprefix("/") if scheme else address
    path = Path(name.partition("?")[0] if scheme else name).expanduser()
    if not path.is_file():
        raise NotFound(f"There is no database file {path}.", field="source", value=address,
                       allowed="sqlite:///FILE, a file, postgresql://…, or http(s)://… of an MLflow server")
    return SqliteDatabase(path.resolve())
