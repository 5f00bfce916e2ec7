"""Proof packs, format stellwerk-proof/1: all that is needed to check one decision on a machine without us.

::

    {"format": "stellwerk-proof/1", "public_key": HEX,
     "decision": {"leaf": TEXT, "personal": OPENING or null, "index": N, "proof": [HEX…], "checkpoint": NOTE},
     "anchor": EVENT,          # the event of control that recorded the decision log's checkpoint
     "lineage": [EVENT…],      # for each row behind the decision all its events, the last one with the row's state
     "checkpoint": NOTE,       # the head of control into which all events are proven
     "signature": HEX}         # Ed25519 over the canonical JSON of all the rest

    EVENT   = {"leaf": TEXT, "detail": OPENING, "state": OPENING or null, "index": N, "proof": [HEX…]}
    OPENING = {"nonce": HEX, "json": TEXT}      # SHA-256(nonce + text) is the commitment in the leaf

Texts that are hashed stand as texts, so that no reader has to write JSON in our way. ``stellwerk_verify.py`` is
the reader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.proofs import anchor_of, inclusion, not_sealed
from stellwerk.features.ledger.service import CONTROL
from stellwerk.features.ledger.state import commitment, event_detail, row_state
from stellwerk.infra.crypto import SigningKey
from stellwerk.infra.database import metadata
from stellwerk.kernel import canonical_json
from stellwerk.kernel.errors import Conflict

FORMAT = "stellwerk-proof/1"


@dataclass(frozen=True)
class DecisionPart:
    """A decision as its log holds it: leaf data, the personal part with its nonce, log and position."""

    leaf: bytes
    personal: Any
    nonce: bytes | None
    log: str
    position: int


def build_pack(connection: Connection, key: SigningKey, decision: DecisionPart, rows: Sequence[tuple[str, str]], *,
               tables: Mapping[str, Table] = metadata.tables) -> dict[str, Any]:
    """Return the proof pack of a decision with the lineage of the given (table name, row id) pairs.

    Raises Unavailable while a part is not sealed yet, Conflict when a row is not what its last event says.
    """
    anchor = anchor_of(connection, decision.log, decision.position)
    proof = inclusion(connection, decision.log, decision.position, checkpoint=anchor.checkpoint)
    recorded = repository.get_event(connection, anchor.event_id)
    head = repository.head(connection, CONTROL)
    if recorded is None or head is None:
        raise not_sealed()
    lineage = [event for name, row_id in rows for event in _events_of(connection, tables[name], row_id)]
    pack: dict[str, Any] = {
        "format": FORMAT, "public_key": key.public.hex,
        "decision": {
            "leaf": decision.leaf.decode(), "index": decision.position, "proof": list(proof.hashes),
            "checkpoint": proof.checkpoint,
            "personal": None if decision.nonce is None else _opening(decision.nonce, decision.personal)},
        "anchor": _event(connection, recorded, None), "lineage": lineage, "checkpoint": head["checkpoint"],
    }
    return {**pack, "signature": key.sign(canonical_json.dumps(pack)).hex()}


def _opening(nonce: bytes, value: Any) -> dict[str, str]:
    return {"nonce": nonce.hex(), "json": canonical_json.dumps(value).decode()}


def _event(connection: Connection, event: RowMapping, state: dict[str, Any] | None) -> dict[str, Any]:
    proof = inclusion(connection, CONTROL, event["id"])
    return {
        "leaf": event["leaf"].decode(), "detail": _opening(event["detail_nonce"], event_detail(event)),
        "state": None if state is None else _opening(event["state_nonce"], state),
        "index": proof.position, "proof": list(proof.hashes),
    }


def _events_of(connection: Connection, table: Table, row_id: str) -> list[dict[str, Any]]:
    """Return all events of a row; only the last one can show its state, since older states are not kept."""
    events = repository.events_of_row(connection, table.name, row_id)
    raw = repository.raw_row(connection, table, row_id)
    state = None if raw is None else row_state(table, raw)
    last = events[-1] if events else None
    if last is None or state is None or commitment(last["state_nonce"], state) != last["state_digest"]:
        raise Conflict(f"The row {row_id} of {table.name} is not what the ledger says, so nothing is proven with it.",
                       field=table.name, value=row_id, hint="Run: stellwerk verify.")
    return [_event(connection, event, state if event is last else None) for event in events]
