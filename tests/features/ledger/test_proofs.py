"""Proofs from stored tiles, against present and older heads; what is not sealed yet is said to be so."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, update

from stellwerk.features import ledger
from stellwerk.features.ledger import DecisionPart, anchor_of, build_pack, repository
from stellwerk.features.ledger.proofs import consistency, inclusion
from stellwerk.infra.crypto import verify_note
from stellwerk.infra.database import Database
from stellwerk.kernel import merkle
from stellwerk.kernel.errors import Conflict, NotFound, Unavailable

from .conftest import ANNA, KEY, OTHER, THING, add_thing

LEAVES = [b'{"id":"d-%d"}' % number for number in range(9)]
TABLES = {"thing": THING, "other": OTHER}


def seal(database: Database) -> str:
    while ledger.seal_once(database, KEY):
        pass
    with database.read() as connection:
        head = ledger.get_head(connection)
    assert head is not None
    return head.checkpoint


def seal_decisions(database: Database, count: int) -> None:
    ledger.seal_once(database, KEY, "decisions-1", lambda start, limit: LEAVES[:count][start:start + limit])


def add_things(database: Database, start: int, count: int) -> list[str]:
    with database.write(ANNA) as work:
        return [add_thing(work, f"th-{number}") for number in range(start, start + count)]


def test_each_event_is_proven_by_its_id_against_the_signed_head(database: Database) -> None:
    ids = add_things(database, 0, 5)
    old = seal(database)
    ids += add_things(database, 5, 300)
    seal(database)
    with database.read() as connection:
        for position, event_id in list(enumerate(ids))[::37]:
            proof = inclusion(connection, "control", event_id)
            event = repository.get_event(connection, event_id)
            signed = verify_note(proof.checkpoint, KEY.public)
            assert event is not None
            assert (proof.position, proof.size, signed.size) == (position, 305, 305)
            assert merkle.verify_inclusion(merkle.leaf_hash(event["leaf"]), position, signed.size,
                                           [bytes.fromhex(value) for value in proof.hashes], signed.root)
        early = inclusion(connection, "control", 3, checkpoint=old)
        event = repository.event_at(connection, "control", 3)
        assert event is not None
        assert (early.size, early.checkpoint) == (5, old)
        assert merkle.verify_inclusion(merkle.leaf_hash(event["leaf"]), 3, 5, [bytes.fromhex(h) for h in early.hashes],
                                       verify_note(old, KEY.public).root)
        with pytest.raises(ValueError, match="covers position 7"):
            inclusion(connection, "control", 7, checkpoint=old)


def test_a_log_is_shown_to_continue_an_older_head(database: Database) -> None:
    add_things(database, 0, 7)
    old = verify_note(seal(database), KEY.public)
    add_things(database, 7, 300)
    new = verify_note(seal(database), KEY.public)
    with database.read() as connection:
        hashes = [bytes.fromhex(value) for value in consistency(connection, "control", old.size)]
        assert merkle.verify_consistency(old.size, new.size, old.root, new.root, hashes)
        with pytest.raises(ValueError, match="cannot continue"):
            consistency(connection, "control", 308)


def test_what_is_not_sealed_is_not_proven(database: Database) -> None:
    [event_id] = add_things(database, 0, 1)
    with database.read() as connection:
        with pytest.raises(Unavailable) as caught:
            inclusion(connection, "control", event_id)
        with pytest.raises(NotFound):
            inclusion(connection, "control", "nobody")
        with pytest.raises(Unavailable):
            inclusion(connection, "decisions-1", 0)
    assert "ask again" in caught.value.body()["hint"]


def test_a_decision_is_anchored_once_control_has_sealed_its_head(database: Database) -> None:
    seal_decisions(database, 4)
    with database.read() as connection, pytest.raises(Unavailable):
        anchor_of(connection, "decisions-1", 2)
    seal(database)
    seal_decisions(database, 9)
    with database.read() as connection:
        anchor = anchor_of(connection, "decisions-1", 2)
        assert verify_note(anchor.checkpoint, KEY.public).size == 4
        assert inclusion(connection, "decisions-1", 2, checkpoint=anchor.checkpoint).size == 4
        with pytest.raises(Unavailable):
            anchor_of(connection, "decisions-1", 7)
    seal(database)
    with database.read() as connection:
        assert verify_note(anchor_of(connection, "decisions-1", 7).checkpoint, KEY.public).size == 9


def test_no_pack_is_made_of_rows_that_differ_from_the_ledger(database: Database) -> None:
    add_things(database, 0, 2)
    seal_decisions(database, 9)
    seal(database)
    part = DecisionPart(leaf=LEAVES[2], personal=None, nonce=None, log="decisions-1", position=2)

    def lineage() -> int:
        with database.read() as connection:
            return len(build_pack(connection, KEY, part, [("thing", "th-1")], tables=TABLES)["lineage"])

    assert lineage() == 1
    with database.write(ANNA) as work:
        work.connection.execute(update(THING).values(name="other"))
        ledger.record(work, "thing.renamed", THING, "th-1")
    with pytest.raises(Unavailable):
        lineage()
    seal(database)
    assert lineage() == 2
    with database.write(ANNA) as work:
        work.connection.execute(update(THING).values(name="forged"))
    with pytest.raises(Conflict, match="th-1 of thing is not what the ledger says"):
        lineage()
    with database.write(ANNA) as work:
        work.connection.execute(delete(THING))
    with pytest.raises(Conflict):
        lineage()
