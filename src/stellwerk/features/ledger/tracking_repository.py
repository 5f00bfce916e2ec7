"""Every query on the events of the log ``tracking``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import Row, marks
from stellwerk.kernel import canonical_json

_COLUMNS = ("position", "id", "at", "actor_kind", "actor_id", "actor_name", "on_behalf_of", "verb", "subject_type",
            "subject_id", "state_digest", "state_nonce", "payload", "detail_nonce", "leaf")
_NAMES = ", ".join(_COLUMNS)
# Any number that nothing else on that server locks.
_LOCK = 8_470_472


def now_us() -> int:
    """Return the present in microseconds since 1970."""
    return time.time_ns() // 1000


def add(st: Statements, event: Mapping[str, Any], leaf: bytes) -> None:
    """Insert an event at the next position."""
    if st.postgres:
        # Positions have no gaps, so writers of other processes wait for this transaction.
        st.fetch_value("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
    position = st.fetch_value("SELECT coalesce(max(position), -1) + 1 FROM tracking_event")
    payload = None if event["payload"] is None else canonical_json.dumps(event["payload"]).decode()
    values = {**event, "position": position, "payload": payload, "leaf": leaf}
    st.modify(f"INSERT INTO tracking_event ({_NAMES}) VALUES ({marks(len(_COLUMNS))})",
              [values[name] for name in _COLUMNS])


def leaves(st: Statements, start: int, at_most: int) -> list[bytes]:
    """Return the leaves from a position on."""
    return [bytes(row[0]) for row in st.fetch_all(
        "SELECT leaf FROM tracking_event WHERE position >= ? ORDER BY position LIMIT ?", (start, at_most))]


def events_after(st: Statements, position: int, limit: int) -> list[dict[str, Any]]:
    """Return events behind a position, in order."""
    return [_event(row) for row in st.fetch_all(
        f"SELECT {_NAMES} FROM tracking_event WHERE position > ? ORDER BY position LIMIT ?", (position, limit))]


def last_events(st: Statements, subject_type: str, after: str, limit: int) -> list[dict[str, Any]]:
    """Return the last event of each subject of a type, ordered by subject, behind one of them."""
    return [_event(row) for row in st.fetch_all(
        f"SELECT {_NAMES} FROM tracking_event WHERE position IN (SELECT max(position) FROM tracking_event "
        "WHERE subject_type = ? AND subject_id > ? GROUP BY subject_id ORDER BY subject_id LIMIT ?) "
        "ORDER BY subject_id", (subject_type, after, limit))]


def last_of_subject(st: Statements, subject_type: str, subject_id: str) -> dict[str, Any] | None:
    """Return the last event of one subject, or None."""
    row = st.fetch_one(f"SELECT {_NAMES} FROM tracking_event WHERE subject_type = ? AND subject_id = ? "
                       "ORDER BY position DESC LIMIT 1", (subject_type, subject_id))
    return None if row is None else _event(row)


def of_subject(st: Statements, subject_type: str, subject_id: str) -> list[dict[str, Any]]:
    """Return the events of one subject, oldest first."""
    return [_event(row) for row in st.fetch_all(
        f"SELECT {_NAMES} FROM tracking_event WHERE subject_type = ? AND subject_id = ? ORDER BY position",
        (subject_type, subject_id))]


def _event(row: Row) -> dict[str, Any]:
    event = dict(zip(_COLUMNS, row, strict=True))
    if event["payload"] is not None:
        event["payload"] = canonical_json.loads(event["payload"])
    for name in ("state_nonce", "detail_nonce", "leaf"):
        event[name] = bytes(event[name])
    return {**event, "log": "tracking", "table_name": None}


def actors_of(st: Statements, subject_type: str, ids: Sequence[str]) -> set[str]:
    """Return who acted on any of the subjects: the person behind a token or job, else the token itself."""
    found: set[str] = set()
    for start in range(0, len(ids), 500):
        part = ids[start:start + 500]
        found |= {row[0] for row in st.fetch_all(
            "SELECT DISTINCT coalesce(on_behalf_of, actor_id) FROM tracking_event "
            f"WHERE subject_type = ? AND subject_id IN ({marks(len(part))})", (subject_type, *part))}
    return found


def with_events(st: Statements, subject_type: str, ids: Sequence[str]) -> set[str]:
    """Return those of the subjects of which an event speaks."""
    return {row[0] for row in st.fetch_all(
        f"SELECT DISTINCT subject_id FROM tracking_event WHERE subject_type = ? AND subject_id IN ({marks(len(ids))})",
        (subject_type, *ids))}
