"""Events are written with the change, or not at all, and say nothing about persons in their leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from stellwerk.features import ledger
from stellwerk.features.ledger.state import commitment, event_leaf, raw_columns, row_state
from stellwerk.features.ledger.tables import ledger_event
from stellwerk.infra.database import Database
from stellwerk.kernel.clock import from_us, iso

from .conftest import ANNA, LOOSE, THING, add_thing


def events(database: Database) -> list[Mapping[str, Any]]:
    with database.read() as connection:
        return [dict(row) for row in connection.execute(select(ledger_event).order_by(ledger_event.c.seq)).mappings()]


def test_an_event_says_who_when_what(database: Database) -> None:
    with database.write(ANNA) as work:
        event_id = add_thing(work, "th-1")
    [event] = events(database)
    leaf = json.loads(event["leaf"])
    assert leaf == {
        "v": 1, "id": event_id, "log": "control", "at": iso(from_us(event["at"])),
        "actor": {"kind": "token", "id": "t-1"}, "on_behalf_of": "p-1", "verb": "thing.made",
        "subject": {"type": "thing", "id": "th-1"}, "table": "thing", "state": event["state_digest"],
        "detail": commitment(event["detail_nonce"], {"actor_name": "Anna Archer", "payload": {"why": "test"}})}
    assert event["at"] == work.now_us
    assert event["position"] is None
    assert event_leaf(event) == event["leaf"]


def test_neither_names_nor_contents_stand_in_the_leaf(database: Database) -> None:
    with database.write(ANNA) as work:
        add_thing(work, "th-1", name="Bertha Bolt")
        add_thing(work, "th-2", name="Bertha Bolt")
    first, second = events(database)
    for word in (b"Anna", b"Bertha", b"test"):
        assert word not in first["leaf"]
    # Equal states do not show as equal: each has its own nonce.
    assert first["state_digest"] != second["state_digest"]


def test_the_state_is_read_back_and_leaves_volatile_columns_out(database: Database) -> None:
    with database.write(ANNA) as work:
        add_thing(work, "th-1", weight=2, good=False, parts=[1, None, "x"])
        raw = work.connection.execute(select(*raw_columns(THING))).mappings().one()
    state = row_state(THING, dict(raw))
    assert state == {"id": "th-1", "name": "bolt", "weight": 2.0, "parts": [1, None, "x"], "good": False,
                     "seal": {"bytes": "00ff"}}
    [event] = events(database)
    assert event["state_digest"] == commitment(event["state_nonce"], state)


@pytest.mark.parametrize("parts", [7, 1.5, "text", "7", True, None, {}, [], {"a": {"b": [0.1, -0.0, 10**15]}}])
def test_every_json_value_keeps_its_form(database: Database, parts: object) -> None:
    with database.write(ANNA) as work:
        add_thing(work, "th-1", parts=parts)
        raw = work.connection.execute(select(*raw_columns(THING))).mappings().one()
    found = row_state(THING, dict(raw))["parts"]
    assert (found, type(found)) == (parts, type(parts))


def test_no_change_without_event_and_no_event_without_change(database: Database) -> None:
    with pytest.raises(ValueError, match="no verb"), database.write(ANNA) as work:
        ledger.record(work, "spoils everything", THING, add_thing(work, "th-1") and "th-1")
    assert events(database) == []


def test_a_deletion_is_recorded_after_it(database: Database) -> None:
    with database.write(ANNA) as work:
        add_thing(work, "th-1")
    with pytest.raises(ValueError, match="is there"), database.write(ANNA) as work:
        ledger.record(work, "thing.deleted", THING, "th-1")
    with database.write(ANNA) as work:
        work.connection.execute(delete(THING))
        ledger.record(work, "thing.deleted", THING, "th-1")
    assert [(event["verb"], event["state_digest"] is None) for event in events(database)] == [
        ("thing.made", False), ("thing.deleted", True)]


def test_what_cannot_stand_on_the_ledger_is_refused(database: Database) -> None:
    with database.write(ANNA) as work:
        add_thing(work, "th-1")
        with pytest.raises(ValueError, match="loose is not on the ledger"):
            ledger.record(work, "loose.made", LOOSE, "x")
        with pytest.raises(ValueError, match="is missing"):
            ledger.record(work, "thing.changed", THING, "th-2")
        with pytest.raises(ValueError, match="no verb"):
            ledger.record(work, "changed", THING, "th-1")
        with pytest.raises(ValueError, match="no JSON form"):
            ledger.record(work, "thing.changed", THING, "th-1", {"x": float("nan")})
        work.connection.execute(update(THING).values(parts={"score": float("nan")}))
        with pytest.raises(ValueError, match="nan has no JSON form"):
            ledger.record(work, "thing.changed", THING, "th-1")
