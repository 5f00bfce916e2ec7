"""Verifying an installation: every covered row against its last event, every event against the signed tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy
from sqlalchemy import Table
from sqlalchemy.engine import Connection

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.sealing import LeafSource
from stellwerk.features.ledger.service import CONTROL
from stellwerk.features.ledger.state import commitment, event_leaf, is_covered, row_state
from stellwerk.infra.crypto import PublicKey, verify_note
from stellwerk.infra.database import metadata
from stellwerk.kernel import merkle
from stellwerk.kernel.errors import BadInput, StellwerkError

_BATCH = 500
_MOST_FINDINGS = 200
PROVES = ("Each covered row is what its last event says, and each event stands under the signed tree head: nobody "
          "without the private key of this installation has changed them.")
NOT_PROVEN = (
    "That whoever holds the private key has not written the ledger anew: keep a signed head elsewhere and give it "
    "with --head.",
    "That the newest events are all there: without an older head a cut tail cannot be seen.",
)


@dataclass
class Verification:
    """What was looked at and what differs; ``findings`` is empty when all holds."""

    rows: dict[str, int] = field(default_factory=dict)
    logs: dict[str, dict[str, Any]] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    unsealed: int = 0
    consistent_with: str | None = None

    @property
    def holds(self) -> bool:
        """Whether nothing differs."""
        return not self.findings

    def finding(self, what: str, table: str, row: str | None, words: str) -> None:
        """Note that something differs."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append({"what": what, "table": table, "row": row, "message": words})

    def body(self) -> dict[str, Any]:
        """Return the result as JSON."""
        return {"holds": self.holds, "findings": self.findings, "rows": self.rows, "logs": self.logs,
                "unsealed_events": self.unsealed, "consistent_with": self.consistent_with,
                "proves": [PROVES] if self.holds else [], "not_proven": list(NOT_PROVEN)}


def verify_installation(connection: Connection, key: PublicKey, *, sources: Mapping[str, LeafSource] | None = None,
                        older: str | None = None, tables: Mapping[str, Table] = metadata.tables) -> Verification:
    """Recompute everything that the ledger covers and return what differs, naming table and row.

    ``sources`` gives the leaves of logs kept outside this database, by name; ``older`` is a signed head of the
    control log kept elsewhere, with which the present one must be consistent. Raises BadInput for a head that is
    none or was not signed by this installation.
    """
    found = Verification()
    for problem in repository.integrity_problems(connection):
        found.finding("database", "sqlite", None, f"SQLite finds its file damaged: {problem}")
    for table in tables.values():
        if is_covered(table):
            _verify_rows(connection, table, found)
    for name in repository.tables_named(connection):
        if name not in tables or not is_covered(tables[name]):
            found.finding("table gone", name, None, "events speak of a table that is not there")
    for row in repository.heads(connection):
        _verify_log(connection, key, dict(row), (sources or {}).get(row["log"]), found)
    if repository.head(connection, CONTROL) is None and repository.last_position(connection, CONTROL) >= 0:
        found.finding("head gone", "ledger_head", CONTROL, "events have positions, but no signed head covers them")
    found.unsealed = repository.count_unsealed(connection, CONTROL)
    if older is not None:
        _verify_older(connection, key, older, found)
    return found


def _verify_rows(connection: Connection, table: Table, found: Verification) -> None:
    count, after = 0, ""
    while ids := repository.row_ids(connection, table, after, _BATCH):
        after = ids[-1]
        count += len(ids)
        rows = repository.raw_rows(connection, table, ids)
        events = repository.latest_events(connection, table.name, ids)
        for row_id in ids:
            _verify_row(table, row_id, rows.get(row_id), events.get(row_id), found)
    for gone in repository.rows_gone(connection, table):
        found.finding("row missing", table.name, gone["subject_id"],
                      f"its last event ({gone['verb']}) says that it exists, but the row is not there")
    found.rows[table.name] = count


def _verify_row(table: Table, row_id: str, raw: dict[str, Any] | None, event: Any, found: Verification) -> None:
    if event is None:
        found.finding("row without event", table.name, row_id, "the row is there, but no event speaks of it")
        return
    if raw is None:
        found.finding("row unreadable", table.name, row_id, "the row cannot be read")
        return
    try:
        state = row_state(table, raw)
    except ValueError as error:
        found.finding("row changed", table.name, row_id, f"the row holds what cannot be read: {error}")
        return
    if event["state_digest"] is None or commitment(event["state_nonce"], state) != event["state_digest"]:
        found.finding("row changed", table.name, row_id,
                      f"the row is not what its last event ({event['verb']}) says")


def _verify_log(connection: Connection, key: PublicKey, head: dict[str, Any], source: LeafSource | None,
                found: Verification) -> None:
    log = head["log"]
    found.logs[log] = {"size": head["size"], "root": head["root"], "checkpoint": head["checkpoint"]}
    try:
        signed = verify_note(head["checkpoint"], key)
    except StellwerkError as error:
        found.finding("head changed", "ledger_head", log, f"the signature does not hold: {error.message}")
        return
    if (signed.log, signed.size, signed.root.hex()) != (log, head["size"], head["root"]):
        found.finding("head changed", "ledger_head", log, "size or root is not what was signed")
    if log != CONTROL and source is None:
        found.logs[log]["leaves"] = "not looked at"
        return
    tree: dict[tuple[int, int], bytes] = {}

    def load(level: int, index: int) -> bytes:
        return tree.get((level, index), b"")

    size = 0
    while size < signed.size:
        leaves = _events(connection, size, found) if source is None else source(size, _BATCH)
        if not leaves:
            break
        leaves = list(leaves)[: signed.size - size]
        tree |= merkle.appended_tiles(size, [merkle.leaf_hash(leaf) for leaf in leaves], load)
        size += len(leaves)
    if size < signed.size:
        found.finding("leaves missing", "ledger_event" if source is None else log, log,
                      f"{signed.size - size} of {signed.size} signed records are missing")
    elif merkle.root(size, merkle.tile_nodes(load)) != signed.root:
        found.finding("leaves changed", "ledger_event" if source is None else log, log,
                      "the records do not give the root that was signed" if source is None else
                      "a decision was changed after it was sealed: " + _first_difference(connection, log, source))


def _events(connection: Connection, start: int, found: Verification) -> list[bytes]:
    leaves: list[bytes] = []
    for event in repository.raw_events(connection, CONTROL, start, _BATCH):
        position = start + len(leaves)
        if event is None:
            found.finding("event unreadable", "ledger_event", None, f"the event at position {position} cannot be read")
            return []
        if event["position"] != position:
            found.finding("event missing", "ledger_event", None, f"no event stands at position {position}")
            return []
        leaf = event["leaf"]
        leaves.append(leaf.encode() if isinstance(leaf, str) else bytes(leaf))
        if not _made_of(event, leaves[-1]):
            found.finding("event changed", "ledger_event", event["id"],
                          "the event's columns are not those that its leaf was made of")
    return leaves


def _made_of(event: dict[str, Any], leaf: bytes) -> bool:
    try:
        payload = event["payload"]
        return event_leaf({**event, "payload": None if payload is None else _json(payload)}) == leaf
    except (ValueError, TypeError):
        return False


def _json(value: Any) -> Any:
    from stellwerk.kernel import canonical_json

    return canonical_json.loads(value) if isinstance(value, (str, bytes)) else value


def _first_difference(connection: Connection, log: str, source: LeafSource) -> str:
    """Name the first record whose hash is not the one in the stored tiles."""
    load = repository.tile_loader(connection, log)
    position = 0
    while leaves := source(position, _BATCH):
        for leaf in leaves:
            tile = load(0, position // merkle.TILE_WIDTH)
            start = position % merkle.TILE_WIDTH * merkle.HASH_BYTES
            if tile[start:start + merkle.HASH_BYTES] != merkle.leaf_hash(leaf):
                return f"number {position}, {_id_of(leaf)}"
            position += 1
    return "the stored hashes themselves"


def _id_of(leaf: bytes) -> str:
    from stellwerk.kernel import canonical_json

    return f"id {canonical_json.loads(leaf).get('id')}"


def _verify_older(connection: Connection, key: PublicKey, older: str, found: Verification) -> None:
    try:
        old = verify_note(older, key)
    except StellwerkError as error:
        raise BadInput(f"The head is none that this installation signed: {error.message}", field="head",
                       allowed="a checkpoint from GET /api/v1/ledger/head") from error
    present = repository.head(connection, old.log)
    size = 0 if present is None else int(present["size"])
    node = merkle.tile_nodes(repository.tile_loader(connection, old.log))
    try:
        same = size >= old.size and merkle.root(old.size, node) == old.root
    except (ValueError, sqlalchemy.exc.DatabaseError):
        same = False
    if same:
        found.consistent_with = f"the head of {old.size} records that was kept elsewhere"
    else:
        found.finding("history rewritten", "ledger_head", old.log,
                      f"the ledger does not begin with the {old.size} records of the head that was kept elsewhere")
