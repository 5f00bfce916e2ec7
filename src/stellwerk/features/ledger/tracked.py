"""Writing events of the log ``tracking``: in the transaction of the change, in the database of tracking."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from stellwerk.features.ledger import repository as heads
from stellwerk.features.ledger import tracking_repository as repository
from stellwerk.features.ledger.state import commitment, event_leaf
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.ids import new_id

TRACKING = "tracking"
_NONCE_BYTES = 16

StateOf = Callable[[Statements, str], Any]
"""Gives the present state of a subject by its id, or None where it is gone."""


def record_tracked(st: Statements, actor: Actor, verb: str, subject_type: str, subject_id: str, state: Any,
                   payload: Mapping[str, Any] | None = None) -> str:
    """Write the event of a change and return its id; ``state`` is the subject after it, None when it is gone."""
    nonce = os.urandom(_NONCE_BYTES)
    event: dict[str, Any] = {
        "id": new_id(), "log": TRACKING, "at": repository.now_us(), "actor_kind": actor.kind, "actor_id": actor.id,
        "actor_name": actor.name, "on_behalf_of": actor.person_id, "verb": verb, "subject_type": subject_type,
        "subject_id": subject_id, "table_name": None, "state_nonce": nonce,
        "state_digest": None if state is None else commitment(nonce, state),
        "payload": None if payload is None else dict(payload), "detail_nonce": os.urandom(_NONCE_BYTES)}
    repository.add(st, event, event_leaf(event))
    return str(event["id"])


@dataclass(frozen=True)
class Standing:
    """Where the last event of a subject stands: its verb, time in microseconds since 1970 and position in the log, and
    the size of the signed tree that holds it; None where it waits for sealing."""

    verb: str
    at: int
    position: int
    sealed_in: int | None


def standing_of(st: Statements, connection: Connection, subject_type: str, subject_id: str) -> Standing | None:
    """Return where the last event of a subject of tracking stands, or None where no event speaks of it."""
    event = repository.last_of_subject(st, subject_type, subject_id)
    if event is None:
        return None
    head = heads.head(connection, TRACKING)
    size = 0 if head is None else int(head["size"])
    return Standing(event["verb"], event["at"], event["position"], size if event["position"] < size else None)
