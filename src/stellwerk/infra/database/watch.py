"""Telling cheaply that something was written: SQLite's own counter of changes."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class ChangeWatch:
    """Tells whether another connection has written to a database since the last look."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, check_same_thread=False)
        self._seen = -1

    def version(self) -> int:
        """Return a number that differs after each change by another connection."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def changed(self) -> bool:
        """Return whether something was committed since the last call; True at the first."""
        version = self.version()
        changed, self._seen = version != self._seen, version
        return changed

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def use_wal(file: Path) -> None:
    """Put a SQLite file into write-ahead mode, making the file where it is missing."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
