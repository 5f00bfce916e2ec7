"""Segment files: how they are named, made and opened."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

from stellwerk.dataplane.decision_log.record import COLUMNS

_FILE = re.compile(r"(\d{7})\.sqlite\Z")
_SCHEMA = """
CREATE TABLE decision (
  rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at_us INTEGER NOT NULL, service TEXT NOT NULL,
  revision TEXT NOT NULL, version INTEGER NOT NULL, route TEXT NOT NULL, caller TEXT NOT NULL, decision TEXT NOT NULL,
  score REAL NOT NULL, threshold REAL NOT NULL, marks TEXT NOT NULL, mode TEXT NOT NULL, latency_us INTEGER NOT NULL,
  idempotency TEXT, inputs TEXT NOT NULL, subject TEXT, protected TEXT, nonce BLOB NOT NULL
) STRICT;
CREATE INDEX by_subject ON decision (subject, at_us) WHERE subject IS NOT NULL;
CREATE INDEX by_service ON decision (service, at_us);
"""
SELECT = f"SELECT {', '.join(COLUMNS)} FROM decision"  # noqa: S608 - constant names only
INSERT = f"INSERT INTO decision ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608


def segment_file(folder: Path, slot: int, segment: int) -> Path:
    """Return where a segment of a writer lies."""
    return folder / f"{slot:04d}" / f"{segment:07d}.sqlite"


def slots(folder: Path) -> list[int]:
    """Return the writer slots that have segments."""
    if not folder.exists():
        return []
    return sorted(int(each.name) for each in folder.iterdir() if each.is_dir() and each.name.isdigit())


def segments(folder: Path, slot: int) -> list[int]:
    """Return the segment numbers of a writer in order."""
    place = folder / f"{slot:04d}"
    if not place.exists():
        return []
    found = (_FILE.match(each.name) for each in place.iterdir())
    return sorted(int(match.group(1)) for match in found if match)


def open_for_writing(file: Path) -> sqlite3.Connection:
    """Open a segment, making it first where it is missing; raises sqlite3.Error or OSError when it cannot be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        if not _is_made(connection):
            connection.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_for_reading(file: Path) -> sqlite3.Connection | None:
    """Open a segment read-only while its writer may be at work; None where there is no such segment yet."""
    if not file.exists():
        return None
    # As a quoted address: the folder's name may hold what an address gives a meaning of its own.
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None,
                                 check_same_thread=False)
    try:
        connection.execute("PRAGMA busy_timeout=2000")
        if _is_made(connection):
            return connection
    except sqlite3.Error as error:
        connection.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
            # Its writer was killed before the write-ahead log began, and so before there was a record.
            return None
        raise
    connection.close()
    return None


def _is_made(connection: sqlite3.Connection) -> bool:
    found = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'decision'").fetchone()
    return bool(found[0])
