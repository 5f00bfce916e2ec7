"""Making the schema of a tracking database, and knowing which release wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy
from sqlalchemy import MetaData, event, text

from stellwerk.kernel.errors import Conflict, Unavailable
from stellwerk.kernel.secret import Secret

# Rises with each change of the tables; a migration leads from the one before.
SCHEMA = 1
# Any number that nothing else on that server locks.
_LOCK = 8_470_471


def stamped(file: Path) -> bool:
    """Tell cheaply whether a SQLite file has the schema of this release."""
    import sqlite3

    if not file.exists():
        return False
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return bool(connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA)
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def prepare_tracking(address: Secret | None, file: Path, metadata: MetaData,
                     first_rows: Callable[[sqlalchemy.Connection], None]) -> None:
    """Create the tables where they are missing, in one transaction; does nothing on a prepared database.

    Raises Conflict for one that a newer release wrote, Unavailable where PostgreSQL cannot be reached.
    """
    if address is None and stamped(file):
        return
    engine = _engine(address, file)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if address is None else f"SELECT pg_advisory_lock({_LOCK})")
            known = _version(connection, address is None)
            if known > SCHEMA:
                raise Conflict("The tracking database was written by a newer release of Stellwerk.",
                               field="tracking_database", value=known, allowed=f"schema {SCHEMA} or older",
                               hint="Start it with that newer release.")
            if known < SCHEMA:
                metadata.create_all(connection)
                first_rows(connection)
                _stamp(connection, address is None)
            connection.commit()
    except sqlalchemy.exc.OperationalError as error:
        raise Unavailable("The tracking database cannot be reached.", retry_after=5,
                          hint="Look at the setting tracking_database and at the PostgreSQL server.") from error
    finally:
        engine.dispose()


def _engine(address: Secret | None, file: Path) -> sqlalchemy.Engine:
    if address is None:
        engine = sqlalchemy.create_engine(f"sqlite:///{file}")

        def configure(connection: object, _record: object) -> None:
            connection.isolation_level = None  # type: ignore[attr-defined]
            connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]

        event.listen(engine, "connect", configure)
        return engine
    _, _, rest = address.reveal().partition("://")
    return sqlalchemy.create_engine(f"postgresql+psycopg://{rest}", hide_parameters=True)


def _version(connection: sqlalchemy.Connection, sqlite: bool) -> int:
    if sqlite:
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0)
    connection.execute(text("CREATE TABLE IF NOT EXISTS tracking_schema (version INTEGER NOT NULL)"))
    return int(connection.execute(text("SELECT max(version) FROM tracking_schema")).scalar() or 0)


def _stamp(connection: sqlalchemy.Connection, sqlite: bool) -> None:
    if sqlite:
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA}")
        return
    connection.execute(text("DELETE FROM tracking_schema"))
    connection.execute(text("INSERT INTO tracking_schema VALUES (:version)"), {"version": SCHEMA})
