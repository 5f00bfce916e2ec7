"""Idempotency keys: claimed in one file that all writers share, only for requests that carry one."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from stellwerk.kernel.errors import Conflict, Unavailable
from stellwerk.kernel.hashing import sha256_hex

_SCHEMA = """
CREATE TABLE IF NOT EXISTS claim (
  key TEXT PRIMARY KEY, body TEXT NOT NULL, id TEXT NOT NULL, answer BLOB, claimed_at REAL NOT NULL
) STRICT
"""
_ABANDONED_SECONDS = 30.0


class Claims:
    """Who claimed which key, with what body, and what was answered."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=2000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_SCHEMA)

    def claim(self, service: str, caller: str, key: str, body: bytes, decision_id: str) -> bytes | None:
        """Claim a key for a decision; returns None when it is new, else the answer that was given before.

        Raises Conflict when the key came with another body, Unavailable while the first request still runs.
        """
        name, digest = sha256_hex(f"{service}\0{caller}\0{key}".encode()), sha256_hex(body)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            row = self._connection.execute("SELECT body, answer, claimed_at FROM claim WHERE key = ?",
                                           (name,)).fetchone()
            abandoned = row is not None and row[1] is None and time.time() - row[2] > _ABANDONED_SECONDS
            if row is None or abandoned:
                self._connection.execute("INSERT OR REPLACE INTO claim VALUES (?, ?, ?, NULL, ?)",
                                         (name, digest, decision_id, time.time()))
                return None
        finally:
            self._connection.execute("COMMIT")
        if row[0] != digest:
            raise Conflict("This idempotency key came with another request before.", field="idempotency_key",
                           value=key, allowed="a new key, or the same request again")
        if row[1] is None:
            raise Unavailable("The first request with this key is still under way.", retry_after=1)
        return bytes(row[1])

    def answered(self, service: str, caller: str, key: str, answer: bytes) -> None:
        """Keep the answer under its key."""
        self._connection.execute("UPDATE claim SET answer = ? WHERE key = ?",
                                 (answer, sha256_hex(f"{service}\0{caller}\0{key}".encode())))

    def release(self, service: str, caller: str, key: str) -> None:
        """Give a key back whose decision was not made."""
        self._connection.execute("DELETE FROM claim WHERE key = ? AND answer IS NULL",
                                 (sha256_hex(f"{service}\0{caller}\0{key}".encode()),))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
