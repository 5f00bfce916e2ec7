"""Sealing: positions without gaps, signed heads that continue each other, one sealer at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, update

from stellwerk.features import ledger
from stellwerk.features.ledger import repository
from stellwerk.features.ledger.tables import ledger_event, ledger_head, ledger_lease, ledger_tile
from stellwerk.infra.crypto import SigningKey, verify_note
from stellwerk.infra.database import Database
from stellwerk.kernel import merkle
from stellwerk.kernel.errors import Conflict

from .conftest import ANNA, KEY, add_thing


def add_things(database: Database, start: int, count: int) -> None:
    with database.write(ANNA) as work:
        for number in range(start, start + count):
            add_thing(work, f"th-{number:04}")


def expected_root(leaves: Sequence[bytes]) -> bytes:
    tiles = merkle.appended_tiles(0, map(merkle.leaf_hash, leaves), lambda _level, _index: b"")
    return merkle.root(len(leaves), merkle.tile_nodes(lambda level, index: tiles.get((level, index), b"")))


def test_events_get_positions_in_the_order_of_writing(database: Database) -> None:
    add_things(database, 0, 300)
    first = ledger.seal_once(database, KEY)
    add_things(database, 300, 5)
    second = ledger.seal_once(database, KEY)
    assert first is not None
    assert second is not None
    assert (first.size, second.size) == (300, 305)
    with database.read() as connection:
        rows = connection.execute(select(ledger_event).order_by(ledger_event.c.position)).mappings().all()
        assert ledger.get_head(connection) == second
    assert [row["position"] for row in rows] == list(range(305))
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)
    leaves = [row["leaf"] for row in rows]
    for head in (first, second):
        signed = verify_note(head.checkpoint, KEY.public)
        assert (signed.log, signed.size, signed.root) == ("control", head.size, expected_root(leaves[:head.size]))


def test_batches_are_bounded_and_an_idle_log_writes_nothing(database: Database) -> None:
    add_things(database, 0, 25)
    sizes = []
    while (head := ledger.seal_once(database, KEY, at_most=10)) is not None:
        sizes.append(head.size)
    assert sizes == [10, 20, 25]
    with database.read() as connection:
        before = connection.exec_driver_sql("PRAGMA data_version").scalar()
        assert ledger.seal_once(database, KEY) is None
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA data_version").scalar() == before


def test_only_one_holder_seals_until_its_lease_ends(database: Database) -> None:
    add_things(database, 0, 1)
    assert ledger.seal_once(database, KEY, holder="one") is not None
    add_things(database, 1, 1)
    assert ledger.seal_once(database, KEY, holder="two") is None
    with database.write(ANNA) as work:
        work.connection.execute(update(ledger_lease).values(expires_at=work.now_us - 1))
    assert ledger.seal_once(database, KEY, holder="two") is not None


def decisions(count: int) -> list[bytes]:
    return [b'{"id":"d-%d"}' % number for number in range(count)]


def source(leaves: Sequence[bytes]) -> ledger.LeafSource:
    return lambda start, limit: leaves[start:start + limit]


def test_the_head_of_another_log_becomes_an_event(database: Database) -> None:
    head = ledger.seal_once(database, KEY, "decisions-1", source(decisions(7)))
    assert head is not None
    assert (head.log, head.size) == ("decisions-1", 7)
    assert head.root == expected_root(decisions(7)).hex()
    assert ledger.seal_once(database, KEY, "decisions-1", source(decisions(7))) is None
    grown = ledger.seal_once(database, KEY, "decisions-1", source(decisions(600)), at_most=400)
    assert grown is not None
    assert (grown.size, grown.root) == (407, expected_root(decisions(407)).hex())
    with database.read() as connection:
        event = repository.last_head_event(connection, "decisions-1")
    assert event is not None
    assert event["payload"] == {"checkpoint": grown.checkpoint}
    assert json.loads(event["leaf"])["subject"] == {"type": "log", "id": "decisions-1"}
    control = ledger.seal_once(database, KEY)
    assert control is not None
    assert control.size == 2


def test_a_faster_sealer_wins_without_harm(database: Database) -> None:
    leaves = decisions(4)

    def slow(start: int, limit: int) -> Sequence[bytes]:
        ledger.seal_once(database, KEY, "decisions-1", source(leaves))
        return leaves[start:start + limit]

    assert ledger.seal_once(database, KEY, "decisions-1", slow) is None
    with database.read() as connection:
        head = ledger.get_head(connection, "decisions-1")
    assert head is not None
    assert head.size == 4


def test_nothing_is_signed_over_a_changed_tree(database: Database) -> None:
    add_things(database, 0, 3)
    head = ledger.seal_once(database, KEY)
    assert head is not None
    with database.write(ANNA) as work:
        work.connection.execute(update(ledger_tile).values(hashes=bytes(96)))
    add_things(database, 3, 1)
    with pytest.raises(Conflict, match="do not give the root"):
        ledger.seal_once(database, KEY)
    with database.read() as connection:
        assert ledger.get_head(connection) == head
        assert repository.has_unsealed(connection, "control")


def test_another_key_does_not_continue_the_log(database: Database, tmp_path: Path) -> None:
    add_things(database, 0, 1)
    ledger.seal_once(database, KEY)
    add_things(database, 1, 1)
    with pytest.raises(Conflict, match="another installation"):
        ledger.seal_once(database, SigningKey(Ed25519PrivateKey.generate()))


def test_a_head_that_was_set_back_is_not_continued(database: Database) -> None:
    add_things(database, 0, 1)
    ledger.seal_once(database, KEY)
    with database.read() as connection:
        old = dict(connection.execute(select(ledger_head)).mappings().one())
    add_things(database, 1, 1)
    ledger.seal_once(database, KEY)
    add_things(database, 2, 1)
    with database.write(ANNA) as work:
        work.connection.execute(update(ledger_head).values(**old))
    with pytest.raises(Conflict, match="positions that its signed head does not cover"):
        ledger.seal_once(database, KEY)
    with database.write(ANNA) as work:
        work.connection.execute(update(ledger_head).values(size=0))
    with pytest.raises(Conflict, match="do not give the root"):
        ledger.seal_once(database, KEY)
