"""One writing connection for a whole process: what waits together is committed together, with one flush."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from stellwerk.infra.tracking_database.connections import Connect, Connected, begin, lost, translated
from stellwerk.infra.tracking_database.statements import Statements
from stellwerk.kernel.errors import Unavailable

_MOST = 256
Change = Callable[[Statements], Any]


@dataclass(slots=True)
class _Waiting:
    change: Change
    future: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None
    result: Any = None
    error: BaseException | None = field(default=None)

    def settle(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class GroupCommit:
    """Runs changes in order of arrival, each whole or not at all, and answers only once they are on disk."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._gate = threading.Lock()
        self._closed = False

    def submit(self, change: Change) -> Future[Any]:
        """Queue a change and return the future of its result, done once it is on disk."""
        future: Future[Any] = Future()
        self._put(_Waiting(change, future, None))
        return future

    def submit_async(self, change: Change) -> asyncio.Future[Any]:
        """Queue a change from an event loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._put(_Waiting(change, future, loop))
        return future

    def close(self) -> None:
        """Finish what waits and close the connection."""
        with self._gate:
            self._closed = True
            thread, self._thread = self._thread, None
            self._queue.put(None)
        if thread is not None:
            thread.join(timeout=30)

    def _put(self, waiting: _Waiting) -> None:
        # As one step, so that nothing is queued behind the end, where nobody would ever answer it.
        with self._gate:
            if self._closed:
                raise Unavailable("The server is stopping; nothing was changed.", retry_after=2)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tracking-writer", daemon=True)
                self._thread.start()
            self._queue.put(waiting)

    def _run(self) -> None:
        statements: Connected | None = None
        ended = False
        while not ended:
            batch: list[_Waiting] = []
            first = self._queue.get()
            ended = not self._take(first, batch)
            while not ended and len(batch) < _MOST:
                try:
                    ended = not self._take(self._queue.get_nowait(), batch)
                except queue.Empty:
                    break
            if batch:
                statements = self._serve(statements, batch)
        if statements is not None:
            statements.connection.close()

    @staticmethod
    def _take(waiting: _Waiting | None, batch: list[_Waiting]) -> bool:
        if waiting is not None:
            batch.append(waiting)
        return waiting is not None

    def _serve(self, statements: Connected | None, batch: list[_Waiting]) -> Connected | None:
        try:
            if statements is None or lost(statements):
                statements = self._connect(True)
            self._commit(statements, batch)
        except Exception as error:
            self._undo(statements)
            told = translated(error)
            for waiting in batch:
                if waiting.error is None:
                    waiting.error = told
        _deliver(batch)
        return statements

    def _commit(self, statements: Connected, batch: list[_Waiting]) -> None:
        begin(statements, writes=True)
        alone = len(batch) == 1
        failed = 0
        for waiting in batch:
            if not alone:
                statements.modify("SAVEPOINT request")
            try:
                waiting.result = waiting.change(statements)
            except Exception as error:
                waiting.error = translated(error)
                failed += 1
                if alone:
                    self._undo(statements)
                    return
                self._undo_one(statements, waiting.error)
            if not alone:
                statements.modify("RELEASE SAVEPOINT request")
        if failed == len(batch):
            self._undo(statements)
            return
        statements.modify("COMMIT")

    @staticmethod
    def _undo_one(statements: Connected, error: Exception) -> None:
        statements.forget()
        try:
            statements.modify("ROLLBACK TO SAVEPOINT request")
        except Exception as gone:
            # The whole transaction went with the failing statement, and nothing of the batch stays.
            raise error if isinstance(error, Unavailable) else Unavailable(
                "A change beside this one failed and took it along; nothing was changed.", retry_after=1,
                hint="Try again.") from gone

    @staticmethod
    def _undo(statements: Connected | None) -> None:
        if statements is None:
            return
        statements.forget()
        try:
            statements.modify("ROLLBACK")
        except Exception:  # the transaction, or the connection, is gone already
            return


def _deliver(batch: list[_Waiting]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Waiting]] = defaultdict(list)
    for waiting in batch:
        if waiting.loop is None:
            waiting.settle()
        else:
            loops[waiting.loop].append(waiting)
    for loop, those in loops.items():
        try:
            loop.call_soon_threadsafe(_settle_all, those)
        except RuntimeError:  # the loop has ended; nobody waits any more
            continue


def _settle_all(those: list[_Waiting]) -> None:
    for waiting in those:
        waiting.settle()
