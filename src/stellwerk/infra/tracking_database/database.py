"""Reading and writing the tracking database from threads and from the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from stellwerk.infra.tracking_database.connections import (
    Connect,
    Connected,
    begin,
    in_words,
    lost,
    postgres_server,
    sqlite_file,
)
from stellwerk.infra.tracking_database.group_commit import GroupCommit
from stellwerk.infra.tracking_database.statements import Statements
from stellwerk.kernel.secret import Secret

_T = TypeVar("_T")
_READERS = 6
SEARCH_SECONDS = 20.0


class TrackingDatabase:
    """The tracking database of one installation as one process uses it.

    Writes go through one connection with group commit; reads each see one consistent state of their own.
    """

    def __init__(self, connect: Connect, *, postgres: bool) -> None:
        self._connect = connect
        self.postgres = postgres
        self.writer = GroupCommit(connect)
        self._idle: list[Connected] = []
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._closed = False

    # Writing

    def write(self, change: Callable[[Statements], _T]) -> _T:
        """Run a change from a thread; returns its result once it is on disk. Never call it on an event loop."""
        result: _T = self.writer.submit(change).result()
        return result

    async def write_async(self, change: Callable[[Statements], _T]) -> _T:
        """Run a change from an event loop; returns its result once it is on disk."""
        result: _T = await self.writer.submit_async(change)
        return result

    # Reading

    @contextlib.contextmanager
    def reading(self, seconds: float = SEARCH_SECONDS) -> Iterator[Statements]:
        """Yield statements with one consistent view; raises BadInput for what takes longer than ``seconds``."""
        statements = self._borrow()
        try:
            with in_words(seconds):
                statements.limit_time(seconds)
                begin(statements, writes=False)
                yield statements
        finally:
            self._give_back(statements)

    def read(self, query: Callable[[Statements], _T], seconds: float = SEARCH_SECONDS) -> _T:
        """Run a query from a thread and return its result."""
        with self.reading(seconds) as statements:
            return query(statements)

    async def read_async(self, query: Callable[[Statements], _T], seconds: float = SEARCH_SECONDS) -> _T:
        """Run a query that may take long in a thread of its own."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_READERS, "tracking-reader")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read, query, seconds)

    async def look_up(self, query: Callable[[Statements], _T]) -> _T:
        """Run a query by key: at once where that costs less than handing it to a thread."""
        if self.postgres:
            return await self.read_async(query)
        statements = self._borrow()
        try:
            with in_words():
                begin(statements, writes=False)
                return query(statements)
        finally:
            self._give_back(statements)

    def close(self) -> None:
        """Finish what waits and close all connections."""
        self._closed = True
        self.writer.close()
        if self._threads is not None:
            self._threads.shutdown(wait=True)
        with self._lock:
            idle, self._idle = self._idle, []
        for statements in idle:
            statements.connection.close()

    def _borrow(self) -> Connected:
        with self._lock:
            while self._idle:
                statements = self._idle.pop()
                if not lost(statements):
                    return statements
        with in_words():
            return self._connect(False)

    def _give_back(self, statements: Connected) -> None:
        try:
            statements.modify("ROLLBACK")
            statements.limit_time(0)
        except Exception:  # a connection that cannot even roll back is of no further use
            with contextlib.suppress(Exception):
                statements.connection.close()
            return
        with self._lock:
            if not self._closed and len(self._idle) < _READERS + 2:
                self._idle.append(statements)
                return
        statements.connection.close()


def open_tracking(address: Secret | None, file: Path) -> TrackingDatabase:
    """Return the tracking database: that of a PostgreSQL address, or the SQLite file without one."""
    if address is None:
        return TrackingDatabase(sqlite_file(file), postgres=False)
    return TrackingDatabase(postgres_server(address), postgres=True)
