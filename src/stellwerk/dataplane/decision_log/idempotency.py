"""Idempotency keys: claimed in one file that all writers share, only for requests that carry one.

A claim names the decision it was made for. What was answered is not kept a second time: the record holds it, and a
claim whose decision has no record was abandoned before anything was decided.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stellwerk.kernel.errors import Conflict, Unavailable
from stellwerk.kernel.hashing import sha256_hex

_SCHEMA = """
CREATE TABLE IF NOT EXISTS claim (
  key TEXT PRIMARY KEY, body TEXT NOT NULL, id TEXT NOT NULL, claimed_at REAL NOT NULL
) STRICT
"""
ABANDONED_SECONDS = 30.0


class Claims:
    """Which decision a key was claimed for, and with what body. May be used from several threads."""

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time, patience_ms: int = 2000) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._now = now
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in (f"busy_timeout={patience_ms}", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_SCHEMA)

    def claim(self, service: str, caller: str, key: str, body: bytes, decision_id: str) -> str | None:
        """Claim a key for a decision; returns None when it is new, else the id of the decision that has it.

        Raises Conflict when the key came with another body, Unavailable when the claim cannot be kept.
        """
        name, digest = _name(service, caller, key), sha256_hex(body)
        with self._change() as connection:
            row = connection.execute("SELECT body, id FROM claim WHERE key = ?", (name,)).fetchone()
            if row is None:
                connection.execute("INSERT INTO claim (key, body, id, claimed_at) VALUES (?, ?, ?, ?)",
                                   (name, digest, decision_id, self._now()))
                return None
        if row[0] != digest:
            raise Conflict("This idempotency key came with another request before.", field="idempotency_key",
                           value=key, allowed="a new key, or the same request again")
        return str(row[1])

    def take_over(self, service: str, caller: str, key: str, former: str, decision_id: str) -> None:
        """Take a key over from a decision that was never made; raises Unavailable while it may still be made."""
        with self._change() as connection:
            taken = connection.execute(
                "UPDATE claim SET id = ?, claimed_at = ? WHERE key = ? AND id = ? AND claimed_at < ?",
                (decision_id, self._now(), _name(service, caller, key), former, self._now() - ABANDONED_SECONDS))
        if taken.rowcount != 1:
            raise Unavailable("The first request with this key is still under way.", retry_after=1)

    def release(self, service: str, caller: str, key: str, decision_id: str) -> None:
        """Give a key back whose decision was not made; does nothing where another decision holds it."""
        with self._change() as connection:
            connection.execute("DELETE FROM claim WHERE key = ? AND id = ?",
                               (_name(service, caller, key), decision_id))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise Unavailable("The idempotency key could not be kept, so no decision was made.", retry_after=2,
                                  hint="Send the request again with the same key.") from error
            finally:
                with contextlib.suppress(sqlite3.Error):
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")


def _name(service: str, caller: str, key: str) -> str:
    return sha256_hex(f"{service}\0{caller}\0{key}".encode())
