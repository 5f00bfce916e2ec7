"""Connections and transactions on the control database."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import Connection

from stellwerk.kernel import clock
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Unavailable


@dataclass
class Work:
    """One write transaction: its connection, who acts, and the moment that all its rows carry.

    ``after_commit`` holds functions to call once the transaction is on disk.
    """

    connection: Connection
    actor: Actor
    now: datetime
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    @property
    def now_us(self) -> int:
        """The moment of the transaction in microseconds since 1970."""
        return clock.to_us(self.now)


def _configure(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver must not open transactions of its own: BEGIN is ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


class Database:
    """The control database of one installation."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = sqlalchemy.create_engine(
            f"sqlite:///{path}", poolclass=sqlalchemy.pool.QueuePool, pool_size=8, max_overflow=24,
            connect_args={"check_same_thread": False, "timeout": 10},
        )
        event.listen(self.engine, "connect", _configure)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection with one consistent view; nothing is written."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def write(self, actor: Actor) -> Iterator[Work]:
        """Yield one write transaction: committed at the end, rolled back when an error leaves the block.

        Raises Unavailable when the disk is full or the database stays locked; nothing is changed then.
        """
        with self.engine.connect() as connection:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                work = Work(connection=connection, actor=actor, now=clock.now())
                yield work
                connection.commit()
            except sqlalchemy.exc.OperationalError as error:
                connection.rollback()
                raise _translated(error) from error
            except BaseException:
                connection.rollback()
                raise
        for call in work.after_commit:
            call()

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def _translated(error: sqlalchemy.exc.OperationalError) -> Exception:
    text = str(error.orig)
    if "full" in text:
        return Unavailable("The disk is full; nothing was changed.", retry_after=30,
                           hint="Free space on the volume of the home folder and try again.")
    if "locked" in text or "busy" in text:
        return Unavailable("The database is busy; nothing was changed.", retry_after=1, hint="Try again.")
    return error
