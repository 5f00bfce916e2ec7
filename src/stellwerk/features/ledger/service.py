"""Writing events: what changed, in the transaction of the change itself."""

from __future__ import annotations

import os
import re
from typing import Any

from sqlalchemy import Table

from stellwerk.features.ledger import repository
from stellwerk.features.ledger.state import commitment, event_leaf, is_covered, row_state
from stellwerk.infra.database import Work
from stellwerk.kernel.ids import new_id

CONTROL = "control"
_VERB = re.compile(r"[a-z_]+\.[a-z_]+\Z")
_NONCE_BYTES = 16


def record(work: Work, verb: str, table: Table, row_id: str, payload: dict[str, Any] | None = None) -> str:
    """Write the event of a change to one row and return the event's id.

    Call it after the change, in the same transaction: the row is read back and the event commits to all its
    columns but the volatile ones. A verb that ends in "deleted" says that the row is gone. The payload is for
    readers and is small; neither it nor the row reaches the leaf in clear.
    Raises ValueError when the table is not covered, the verb has another form, the row does not agree with the
    verb or holds what has no JSON form.
    """
    if not is_covered(table):
        raise ValueError(f"the table {table.name} is not on the ledger; declare it with covered(...)")
    raw = repository.raw_row(work.connection, table, row_id)
    if (raw is None) != verb.endswith("deleted"):
        raise ValueError(f"{verb}: the row {row_id!r} of {table.name} is {'missing' if raw is None else 'there'}")
    nonce = os.urandom(_NONCE_BYTES)
    digest = None if raw is None else commitment(nonce, row_state(table, raw))
    return append(work, verb, table.info["ledger"]["subject"], row_id, payload, table=table.name, state=(nonce, digest))


def append(work: Work, verb: str, subject_type: str, subject_id: str, payload: dict[str, Any] | None, *,
           table: str | None = None, state: tuple[bytes, str | None] | None = None) -> str:
    """Write an event and return its id; ``state`` is the nonce and commitment of a row of ``table``."""
    if not _VERB.match(verb):
        raise ValueError(f"{verb!r} is no verb: two words joined by a dot, as in 'revision.approve'")
    state_nonce, state_digest = state or (os.urandom(_NONCE_BYTES), None)
    event: dict[str, Any] = {
        "id": new_id(), "log": CONTROL, "at": work.now_us, "actor_kind": work.actor.kind, "actor_id": work.actor.id,
        "actor_name": work.actor.name, "on_behalf_of": work.actor.person_id, "verb": verb,
        "subject_type": subject_type, "subject_id": subject_id, "table_name": table, "state_digest": state_digest,
        "state_nonce": state_nonce, "payload": payload, "detail_nonce": os.urandom(_NONCE_BYTES),
    }
    repository.add_event(work.connection, {**event, "leaf": event_leaf(event)})
    return str(event["id"])
