"""The byte forms that the ledger commits to: the state of a row, the details of an event, its leaf.

A commitment is SHA-256 over a random nonce and canonical JSON. Leaves hold commitments and ids, nothing else
about a person: without the nonce a commitment tells nothing, so what it covers can still be erased.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Label, Table, type_coerce
from sqlalchemy.engine import RowMapping
from sqlalchemy.types import NullType

from stellwerk.kernel import canonical_json
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.hashing import sha256_hex

Row = Mapping[str, Any] | RowMapping


def commitment(nonce: bytes, value: Any) -> str:
    """Return the commitment to a JSON value as 64 hexadecimal digits."""
    return sha256_hex(nonce + canonical_json.dumps(value))


def is_covered(table: Table) -> bool:
    """Tell whether changes of the table's rows stand on the ledger."""
    return bool(table.info.get("ledger"))


def raw_columns(table: Table) -> list[Label[Any]]:
    """Return the columns as the database keeps them, so that a damaged value still reaches ``row_state``."""
    return [type_coerce(column, NullType()).label(column.name) for column in table.columns]


def raw_state(table: Table, raw: Row) -> dict[str, Any]:
    """Return a row read with ``raw_columns`` as JSON; raises ValueError for a value that is not readable."""
    return {column.name: _json_form(column, raw[column.name]) for column in table.columns}


def row_state(table: Table, raw: Row) -> dict[str, Any]:
    """Return what of a covered row stands on the ledger: all columns but the volatile ones.

    Raises ValueError for a value that is not readable.
    """
    volatile = table.info["ledger"]["volatile"]
    return {name: value for name, value in raw_state(table, raw).items() if name not in volatile}


def _json_form(column: Column[Any], value: Any) -> Any:
    if isinstance(column.type, JSON):
        # A JSON number comes back from SQLite as a number already.
        return canonical_json.loads(value) if isinstance(value, (str, bytes)) else value
    if isinstance(column.type, Boolean) and type(value) is int and value in (0, 1):
        return bool(value)
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return value


def event_detail(event: Row) -> dict[str, Any]:
    """Return the part of an event that its leaf only commits to."""
    return {"actor_name": event["actor_name"], "payload": event["payload"]}


def event_leaf(event: Row) -> bytes:
    """Return the leaf data of an event (columns of ``ledger_event``): canonical JSON without its position."""
    return canonical_json.dumps({
        "v": 1, "id": event["id"], "log": event["log"], "at": iso_us(event["at"]),
        "actor": {"kind": event["actor_kind"], "id": event["actor_id"]}, "on_behalf_of": event["on_behalf_of"],
        "verb": event["verb"], "subject": {"type": event["subject_type"], "id": event["subject_id"]},
        "table": event["table_name"], "state": event["state_digest"],
        "detail": commitment(event["detail_nonce"], event_detail(event)),
    })
