"""Writing records before the answer: one thread, group commits, on disk in the way that the service asks for.

``sync``: the record is committed with synchronous=FULL before it is acknowledged. ``buffered``: it is committed with
synchronous=NORMAL, which hands it to the operating system (it survives kill -9), and a FULL commit at most 50 ms
later puts it on disk.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from stellwerk.dataplane.decision_log.ids import Randomness, new_decision_id
from stellwerk.dataplane.decision_log.record import Record
from stellwerk.dataplane.decision_log.segments import INSERT, open_for_writing, segment_file, segments
from stellwerk.kernel import clock
from stellwerk.kernel.errors import Unavailable

Done = Callable[[BaseException | None], None]
_BATCH = 256
_FULL_SECONDS = 0.05
_STOP = None


@dataclass(frozen=True)
class _Entry:
    record: Record
    durable: bool
    done: Done


def _today() -> date:
    return clock.now().date()


class Writer:
    """The writer of one slot. ``append`` may be called from one thread; ``done`` is called from the writer's.

    A segment ends with the UTC day (``today`` tells it) and once it exceeds ``segment_bytes``.
    """

    def __init__(self, folder: Path, slot: int, *, waiting: int = 4096, segment_bytes: int = 256 << 20,
                 today: Callable[[], date] = _today) -> None:
        self._folder = folder
        self._slot = slot
        self._segment_bytes = segment_bytes
        self._today = today
        self._random = Randomness()
        # The simple queue is the fast one; it knows no bound, so ``append`` looks at its length.
        self._queue: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        self._waiting = waiting
        known = segments(folder, slot)
        # A new segment after each start: what an earlier process left is never written again.
        self._segment = known[-1] + 1 if known else 0
        self._day = today()
        self._connection = open_for_writing(segment_file(folder, slot, self._segment))
        self._full = True
        self._owed_since: float | None = None
        self._written = 0
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
        self._thread.start()

    @property
    def present_segment(self) -> int:
        """The segment that is written now."""
        return self._segment

    @property
    def alive(self) -> bool:
        """Whether records can still be taken."""
        return not self._ended

    def new_id(self) -> str:
        """Return the id for the next record; it names this writer and its present segment. Not for two threads."""
        return new_decision_id(self._slot, self._segment, self._random.take(6))

    def new_nonce(self) -> bytes:
        """Return 16 random bytes for a record. Not for two threads."""
        return self._random.take(16)

    def append(self, record: Record, mode: Literal["sync", "buffered"], done: Done) -> None:
        """Hand a record over; ``done`` gets None once it is kept as its mode says, else the error.

        Raises Unavailable at once when the writer has fallen behind or has ended.
        """
        if self._ended:
            raise _ended()
        if self._queue.qsize() >= self._waiting:
            raise behind()
        self._queue.put(_Entry(record, mode == "sync", done))
        # It may have ended between the look and the hand-over.
        if not self.alive:
            self._refuse_waiting()

    def close(self) -> None:
        """Write what waits, put it on disk and end."""
        if not self._ended:
            self._queue.put(_STOP)
        self._thread.join()
        self._connection.close()

    def _run(self) -> None:
        try:
            while self._round():
                pass
        finally:
            # However this thread ends, nobody may wait for it in vain.
            self._ended = True
            self._refuse_waiting()

    def _round(self) -> bool:
        batch = self._take()
        entries = [entry for entry in batch if entry is not None]
        try:
            self._rotate_if_due()
            self._write(entries)
        except BaseException:
            for entry in entries:
                entry.done(_ended())
            raise
        stopping = len(entries) < len(batch)
        if self._owed_since is not None and (stopping or time.monotonic() - self._owed_since >= _FULL_SECONDS):
            self._pay()
        return not stopping

    def _refuse_waiting(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                entry = self._queue.get_nowait()
                if entry is not None:
                    entry.done(_ended())

    def _take(self) -> list[_Entry | None]:
        batch: list[_Entry | None] = []
        with contextlib.suppress(queue.Empty):
            if self._owed_since is None:
                batch.append(self._queue.get())
            else:
                due = self._owed_since + _FULL_SECONDS - time.monotonic()
                batch.append(self._queue.get(timeout=due) if due > 0 else self._queue.get_nowait())
            while len(batch) < _BATCH and batch[-1] is not _STOP:
                batch.append(self._queue.get_nowait())
        return batch

    def _write(self, entries: list[_Entry]) -> None:
        if not entries:
            return
        durable = any(entry.durable for entry in entries)
        try:
            self._commit(entries, durable)
        except (sqlite3.Error, ValueError, OverflowError) as error:
            self._undo()
            if len(entries) > 1 and not isinstance(error, sqlite3.OperationalError):
                # One of them cannot be kept; the others shall not fail with it.
                for entry in entries:
                    self._write([entry])
                return
            failure = _failure(error)
            for entry in entries:
                entry.done(failure)
            return
        self._written += len(entries)
        self._owed_since = None if durable else self._owed_since or time.monotonic()
        for entry in entries:
            entry.done(None)

    def _commit(self, entries: list[_Entry], durable: bool) -> None:
        self._synchronous(durable)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(INSERT, [entry.record.row() for entry in entries])
        self._connection.execute("COMMIT")

    def _synchronous(self, full: bool) -> None:
        if full != self._full:
            self._connection.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full

    def _undo(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _pay(self) -> None:
        """Put on disk what buffered commits have handed to the operating system."""
        if self._owed_since is None:
            return
        try:
            self._synchronous(True)
            # A commit that changes a page; its sync covers everything in the write-ahead log before it.
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute(f"PRAGMA user_version={self._written % (1 << 30)}")
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            # The disk is full: the records are with the operating system; tried again after the same time.
            self._undo()
            self._owed_since = time.monotonic()
            return
        self._owed_since = None

    def _rotate_if_due(self) -> None:
        today = self._today()
        if self._written == 0:
            self._day = today
            return
        if today == self._day and self._size() < self._segment_bytes:
            return
        self._pay()
        if self._owed_since is not None:
            return
        try:
            following = open_for_writing(segment_file(self._folder, self._slot, self._segment + 1))
        except (sqlite3.Error, OSError):
            # The present segment goes on; the next batch tries again.
            return
        self._connection.close()
        self._connection, self._segment, self._day = following, self._segment + 1, today
        self._written, self._full = 0, True

    def _size(self) -> int:
        try:
            return segment_file(self._folder, self._slot, self._segment).stat().st_size
        except OSError:
            return 0


def behind() -> Unavailable:
    """Return the error of a writer that has fallen behind."""
    return Unavailable("Too many decisions wait for their record; this one was not made.", retry_after=1,
                       hint="Send it again after the time that Retry-After names.")


def _ended() -> Unavailable:
    return Unavailable("This gateway takes no more decisions; this one was not made.", retry_after=1,
                       hint="Send it again; another process answers.")


def _failure(error: Exception) -> Unavailable:
    if "full" in str(error) or "disk I/O" in str(error):
        return Unavailable("The disk that keeps decisions is full, and no answer leaves without its record.",
                           retry_after=10, hint="Free space on the volume of the home folder; it goes on by itself.")
    return Unavailable("The record of this decision could not be kept, so it was not made.", retry_after=2)
