"""Verifying an installation: every covered row against its last event, every event against the signed tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.ledger.log_check import LogCheck
from stellwerk.features.ledger.sealing import LeafSource
from stellwerk.features.ledger.service import CONTROL
from stellwerk.features.ledger.state import commitment, is_covered, row_state
from stellwerk.infra.crypto import Checkpoint, PublicKey, verify_note
from stellwerk.infra.database import metadata
from stellwerk.kernel import merkle
from stellwerk.kernel.errors import BadInput, StellwerkError

_BATCH = 500


def verify_installation(connection: Connection, key: PublicKey, *, sources: Mapping[str, LeafSource] | None = None,
                        older: str | None = None, tables: Mapping[str, Table] = metadata.tables) -> Verification:
    """Recompute everything that the ledger covers and return what differs, naming table and row.

    ``sources`` gives the leaves of logs kept outside this database, by name; ``older`` is a signed head of any log,
    kept elsewhere, with which the present one must be consistent. Raises BadInput for a head that is none or was not
    signed by this installation. A damaged file is a finding, not an error.
    """
    head = None if older is None else _older_head(key, older)
    found = Verification()
    for problem in repository.integrity_problems(connection):
        found.finding("database damaged", "sqlite", None, f"SQLite finds its file damaged: {problem}")
    for table in tables.values():
        if is_covered(table):
            try:
                _verify_rows(connection, table, found)
            except repository.UNREADABLE as error:
                found.finding("table unreadable", table.name, None, f"SQLite cannot read it: {error}")
    try:
        _verify_logs(connection, key, sources or {}, head, tables, found)
    except repository.UNREADABLE as error:
        found.finding("table unreadable", "ledger_event", None, f"SQLite cannot read the ledger: {error}")
    return found


def _verify_rows(connection: Connection, table: Table, found: Verification) -> None:
    found.rows[table.name], after = 0, ""
    while ids := repository.row_ids(connection, table, after, _BATCH):
        after = ids[-1]
        found.rows[table.name] += len(ids)
        rows = repository.raw_rows(connection, table, ids)
        events = repository.latest_events(connection, CONTROL, table.name, ids)
        for row_id in ids:
            difference = _difference(table, rows.get(row_id), events.get(row_id))
            if difference is not None:
                found.finding(difference[0], table.name, row_id, difference[1])
    for event in repository.rows_gone(connection, CONTROL, table):
        found.finding("row missing", table.name, event["subject_id"],
                      f"its last event ({event['verb']}) says that it exists, but the row is not there")


def _difference(table: Table, raw: dict[str, Any] | None, event: dict[str, Any] | None) -> tuple[str, str] | None:
    if event is None:
        return "row without event", "the row is there, but no event speaks of it"
    if raw is None:
        return "row changed", "SQLite cannot read the row"
    try:
        state = row_state(table, raw)
        same = commitment(event["state_nonce"], state) == event["state_digest"]
    except (ValueError, TypeError) as error:
        return "row changed", f"the row or its event holds what cannot be read: {error}"
    if same:
        return None
    if event["state_digest"] is None:
        return "row changed", f"the row is there although its last event ({event['verb']}) says that it is gone"
    return "row changed", f"the row is not what its last event ({event['verb']}) says"


def _verify_logs(connection: Connection, key: PublicKey, sources: Mapping[str, LeafSource], older: Checkpoint | None,
                 tables: Mapping[str, Table], found: Verification) -> None:
    for name in repository.tables_named(connection):
        if name not in tables or not is_covered(tables[name]):
            found.finding("table missing", name, None, "events speak of a table that is not there")
    for log in repository.logs_of_events(connection):
        if log != CONTROL:
            found.finding("log unknown", "ledger_event", None, f"events stand in a log {log!r} that nobody seals")
    heads = [str(row["log"]) for row in repository.heads(connection)]
    logs = {CONTROL, *heads, *repository.logs_recorded(connection)}
    for log in sorted(logs | ({older.log} if older is not None else set())):
        check = LogCheck(connection, log, sources.get(log), found)
        check.run(key)
        if older is not None and older.log == log:
            _verify_older(older, check.node, found)


def _older_head(key: PublicKey, older: str) -> Checkpoint:
    try:
        return verify_note(older, key)
    except StellwerkError as error:
        raise BadInput(f"The head is none that this installation signed: {error.message}", field="head",
                       allowed="a checkpoint from GET /api/v1/ledger/head") from error


def _verify_older(older: Checkpoint, node: merkle.Node, found: Verification) -> None:
    """Compare with the root of the first records, recomputed from the records: hashes at hand are not trusted."""
    size = found.logs.get(older.log, {}).get("size", 0)
    try:
        same = size >= older.size and merkle.root(older.size, node) == older.root
    except ValueError:
        same = False
    if same:
        found.consistent_with = f"the head of {older.size} records of {older.log} that was kept elsewhere"
    else:
        found.finding("history rewritten", "ledger_head", older.log,
                      f"the log does not begin with the {older.size} records of the head that was kept elsewhere")
