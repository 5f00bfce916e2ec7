"""Checking one log: its records against its stored hashes, and both against its signed head."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Connection

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.ledger.sealing import LeafSource
from stellwerk.features.ledger.service import CONTROL
from stellwerk.features.ledger.state import event_leaf, raw_state
from stellwerk.features.ledger.tables import ledger_event
from stellwerk.infra.crypto import Checkpoint, PublicKey, verify_note
from stellwerk.kernel import canonical_json, merkle
from stellwerk.kernel.errors import StellwerkError

_BATCH = 512
_MOST = 200


@dataclass
class LogCheck:
    """One log under check.

    ``tiles`` is its tree as the records themselves give it, ``suspects`` are records (position, id) whose hash is not
    the one kept of them: they were changed, unless the tree of the records is the one that was signed.
    """

    connection: Connection
    log: str
    source: LeafSource | None
    found: Verification
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    suspects: list[tuple[int, str | None]] = field(default_factory=list)
    last_seq: int = -1

    def __post_init__(self) -> None:
        self.stored = repository.tile_loader(self.connection, self.log)

    @property
    def table(self) -> str:
        """What findings about single records name as their table."""
        return "ledger_event" if self.log == CONTROL else self.log

    @property
    def _of_decisions(self) -> bool:
        return self.log.startswith("decisions-")

    @property
    def node(self) -> merkle.Node:
        """The tree of the records; of a log whose records are not here, the stored one."""
        return merkle.tile_nodes(self._recomputed if self.tiles else self.stored)

    def _recomputed(self, level: int, index: int) -> bytes:
        return self.tiles.get((level, index), b"")

    def run(self, key: PublicKey) -> None:
        """Check everything about the log and note what differs."""
        signed = self._head(key)
        size = 0 if signed is None else signed.size
        if self.log == CONTROL:
            self._read(size, self._events)
            self._beyond(size)
            self._unsealed()
        elif self.source is not None:
            self._read(size, self._records)
        if signed is not None:
            self._compare(signed)

    def _head(self, key: PublicKey) -> Checkpoint | None:
        row = repository.head(self.connection, self.log)
        if row is None:
            if self.log in repository.logs_recorded(self.connection) or repository.last_position(
                    self.connection, self.log) >= 0:
                self.found.finding("head missing", "ledger_head", self.log, "records are sealed, but no head is there")
            return None
        try:
            signed = verify_note(str(row["checkpoint"]), key)
        except StellwerkError as error:
            self.found.finding("head changed", "ledger_head", self.log, error.message)
            return None
        self.found.logs[self.log] = {"size": signed.size, "root": signed.root.hex(), "checkpoint": row["checkpoint"],
                                     "records_read": self.log == CONTROL or self.source is not None}
        if (signed.log, signed.size, signed.root.hex()) != (self.log, row["size"], row["root"]):
            self.found.finding("head changed", "ledger_head", self.log, "log, size or root is not what was signed")
        if self.log != CONTROL and self._recorded() != {"checkpoint": row["checkpoint"]}:
            self.found.finding("head changed", "ledger_head", self.log,
                               "it is not the head that the control log recorded last")
        return signed

    def _recorded(self) -> object:
        """Return what the last event about this log's head says, or None when it says nothing readable."""
        try:
            event = repository.last_head_event(self.connection, self.log)
        except (ValueError, TypeError):
            return None
        return None if event is None else event["payload"]

    def _read(self, size: int, hashes: Callable[[int, int], list[bytes]]) -> None:
        for start in range(0, size, _BATCH):
            batch = hashes(start, min(start + _BATCH, size))
            self.tiles |= merkle.appended_tiles(start, batch, self._recomputed)

    def _hash_kept(self, position: int) -> bytes:
        start = position % merkle.TILE_WIDTH * merkle.HASH_BYTES
        kept = self.stored(0, position // merkle.TILE_WIDTH)[start:start + merkle.HASH_BYTES]
        return kept if len(kept) == merkle.HASH_BYTES else bytes(merkle.HASH_BYTES)

    def _events(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes of events; for one that is not there, the hash kept of it, so that the rest counts."""
        rows = repository.raw_events(self.connection, self.log, start, end)
        hashes = []
        for position in range(start, end):
            kept, event = self._hash_kept(position), rows.get(position)
            if event is None:
                self.found.finding("event unreadable" if position in rows else "event missing", self.table, None,
                                   f"at position {position} of the log {self.log}")
                hashes.append(kept)
                continue
            leaf = _leaf_of(event)
            if leaf is None:
                self.found.finding("event changed", self.table, str(event["id"]),
                                   f"the event at position {position} is not what its leaf says")
                hashes.append(kept)
            else:
                hashes.append(merkle.leaf_hash(leaf))
                self._suspect(hashes[-1] != kept, position, str(event["id"]))
            if event["seq"] <= self.last_seq:
                self.found.finding("event moved", self.table, str(event["id"]), "its number is not in sealing order")
            self.last_seq = max(event["seq"], self.last_seq)
        return hashes

    def _suspect(self, differs: bool, position: int, record: str | None) -> None:
        if differs and len(self.suspects) < _MOST:
            self.suspects.append((position, record))

    def _records(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes of records kept elsewhere; for missing ones the hashes kept of them."""
        try:
            leaves = [] if self.source is None else list(self.source(start, end - start))[:end - start]
        except (sqlite3.DatabaseError, ValueError) as error:
            self.found.finding("records unreadable", self.table, None, f"positions {start} to {end - 1}: {error}")
            leaves = []
        hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
        for position, (leaf, value) in enumerate(zip(leaves, hashes, strict=True), start):
            self._suspect(value != self._hash_kept(position), position, _id_of(leaf))
        if len(leaves) < end - start:
            self.found.finding("decisions missing" if self._of_decisions else "events missing", self.table, None,
                               f"positions {start + len(leaves)} to {end - 1} are not there")
        return hashes + [self._hash_kept(position) for position in range(start + len(leaves), end)]

    def _beyond(self, size: int) -> None:
        last = repository.last_position(self.connection, self.log)
        if size and last >= size:
            self.found.finding("head changed", "ledger_head", self.log,
                               f"events stand up to position {last}, but the signed head ends before {size}")

    def _unsealed(self) -> None:
        after = -1
        while batch := repository.raw_unsealed(self.connection, self.log, after, _BATCH):
            for event in batch:
                after = event["seq"]
                self.found.unsealed += 1
                if _leaf_of(event) is None:
                    self.found.finding("event changed", self.table, str(event["id"]),
                                       "the event that waits for sealing is not what its leaf says")
                if after <= self.last_seq:
                    self.found.finding("event moved", self.table, str(event["id"]),
                                       "it waits for sealing, but its number is older than sealed ones")

    def _compare(self, signed: Checkpoint) -> None:
        try:
            root = merkle.root(signed.size, self.node)
        except ValueError as error:
            self.found.finding("hashes changed", "ledger_tile", self.log, f"stored hashes are missing: {error}")
            return
        if root == signed.root:
            changed = sorted(name for name, hashes in self.tiles.items() if self.stored(*name) != hashes)
            if changed:
                places = ", ".join(f"{level}/{index}" for level, index in changed[:5])
                self.found.finding("hashes changed", "ledger_tile", self.log,
                                   f"the records are right, but not the hashes kept of them (tiles {places})")
            return
        what = "decision changed" if self._of_decisions else "event changed"
        for position, record in self.suspects:
            self.found.finding(what, self.table, record,
                               f"the record at position {position} is not the one that was sealed there")
        if not self.suspects:
            self.found.finding("root differs", "ledger_tile", self.log,
                               f"the {signed.size} records and their hashes do not give the root that was signed")


def _leaf_of(event: dict[str, Any]) -> bytes | None:
    """Return the leaf of an event read as the database keeps it, or None when its columns do not make its leaf."""
    leaf = event["leaf"]
    try:
        nonces = {name: event[name] for name in ("state_nonce", "detail_nonce")}
        whole = {**raw_state(ledger_event, event), **nonces}
        return leaf if isinstance(leaf, bytes) and event_leaf(whole) == leaf else None
    except (ValueError, TypeError, OverflowError):
        return None


def _id_of(leaf: bytes) -> str | None:
    try:
        found = canonical_json.loads(leaf)
    except ValueError:
        return None
    return str(found.get("id")) if isinstance(found, dict) else None
