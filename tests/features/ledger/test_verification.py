"""Verification finds each kind of change and names table and row; what it cannot see it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, insert, text, update

from stellwerk.features import ledger
from stellwerk.features.ledger.tables import ledger_event
from stellwerk.features.ledger.verification import Verification, verify_installation
from stellwerk.infra.crypto import SigningKey, load_key
from stellwerk.infra.database import Database, Json, covered, metadata
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import BadInput

own = MetaData()
thing = Table("thing", own, Column("id", String(20), primary_key=True), Column("name", String(50)),
              Column("count", Integer), Column("facts", Json), Column("blob", LargeBinary), Column("seen", Integer),
              info=covered("thing", volatile=("seen",)))
TABLES = {"thing": thing, **metadata.tables}


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "control.sqlite")
    with made.write(SYSTEM) as work:
        metadata.create_all(work.connection, tables=[table for table in metadata.tables.values()
                                                     if table.name.startswith("ledger_")])
        own.create_all(work.connection)
    for number in range(5):
        with made.write(SYSTEM) as work:
            work.connection.execute(insert(thing).values(id=f"t{number}", name="a", count=number, facts={"x": [1.5]},
                                                         blob=b"\x00\xff", seen=0))
            ledger.record(work, "thing.made", thing, f"t{number}")
    return made


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_key(tmp_path / "keys")


def verify(database: Database, key: SigningKey, older: str | None = None, **more: object) -> Verification:
    with database.read() as connection:
        return verify_installation(connection, key.public, older=older,
                                   tables={"thing": thing}, **more)  # type: ignore[arg-type]


def seal(database: Database, key: SigningKey) -> str:
    while ledger.seal_once(database, key, at_most=3):
        pass
    with database.read() as connection:
        head = ledger.get_head(connection)
    assert head is not None
    return head.checkpoint


def forge(database: Database, statement: str) -> None:
    with database.write(SYSTEM) as work:
        work.connection.exec_driver_sql(statement)


def test_an_untouched_installation_holds(database: Database, key: SigningKey) -> None:
    seal(database, key)
    found = verify(database, key)
    assert found.holds
    assert found.rows == {"thing": 5}
    assert found.logs["control"]["size"] == 5
    assert found.body()["not_proven"]


def test_events_that_wait_for_sealing_are_counted_and_hold(database: Database, key: SigningKey) -> None:
    found = verify(database, key)
    assert found.holds
    assert found.unsealed == 5


def test_a_volatile_column_may_change(database: Database, key: SigningKey) -> None:
    seal(database, key)
    forge(database, "UPDATE thing SET seen = 9")
    assert verify(database, key).holds


@pytest.mark.parametrize(("statement", "what", "row"), [
    ("UPDATE thing SET name = 'b' WHERE id = 't3'", "row changed", "t3"),
    ("UPDATE thing SET count = 7 WHERE id = 't0'", "row changed", "t0"),
    ("UPDATE thing SET facts = '{\"x\":[1.25]}' WHERE id = 't1'", "row changed", "t1"),
    ("UPDATE thing SET facts = 'no json' WHERE id = 't1'", "row changed", "t1"),
    ("UPDATE thing SET blob = x'00fe' WHERE id = 't2'", "row changed", "t2"),
    ("DELETE FROM thing WHERE id = 't4'", "row missing", "t4"),
    ("INSERT INTO thing (id, name) VALUES ('t9', 'x')", "row without event", "t9"),
])
def test_a_changed_row_is_named(database: Database, key: SigningKey, statement: str, what: str, row: str) -> None:
    seal(database, key)
    forge(database, statement)
    found = verify(database, key)
    assert [(entry["what"], entry["table"], entry["row"]) for entry in found.findings] == [(what, "thing", row)]


@pytest.mark.parametrize("statement", [
    "UPDATE ledger_event SET verb = 'thing.other' WHERE seq = 2",
    "UPDATE ledger_event SET actor_id = 'somebody' WHERE seq = 2",
    "UPDATE ledger_event SET at = at + 1 WHERE seq = 2",
    "UPDATE ledger_event SET payload = '{\"a\":1}' WHERE seq = 2",
])
def test_a_changed_event_is_named(database: Database, key: SigningKey, statement: str) -> None:
    seal(database, key)
    forge(database, statement)
    with database.read() as connection:
        event_id = connection.execute(text("SELECT id FROM ledger_event WHERE seq = 2")).scalar_one()
    assert ("event changed", "ledger_event", event_id) in [
        (entry["what"], entry["table"], entry["row"]) for entry in verify(database, key).findings]


@pytest.mark.parametrize(("statement", "what"), [
    ("DELETE FROM ledger_event WHERE seq = 2", "leaves missing"),
    ("UPDATE ledger_event SET leaf = leaf || x'20' WHERE seq = 2", "leaves changed"),
    ("UPDATE ledger_head SET size = 4", "head changed"),
    ("UPDATE ledger_head SET root = replace(root, substr(root, 1, 1), 'z')", "head changed"),
    ("UPDATE ledger_head SET checkpoint = replace(checkpoint, '\n5\n', '\n4\n')", "head changed"),
    ("DELETE FROM ledger_head", "head gone"),
])
def test_a_changed_tree_is_found(database: Database, key: SigningKey, statement: str, what: str) -> None:
    seal(database, key)
    forge(database, statement)
    assert what in [entry["what"] for entry in verify(database, key).findings]


def test_a_cut_tail_is_seen_only_with_an_older_head(database: Database, key: SigningKey, tmp_path: Path) -> None:
    old = seal(database, key)
    assert verify(database, key, old).consistent_with
    forge(database, "DELETE FROM ledger_event WHERE seq > 3")
    forge(database, "DELETE FROM thing WHERE id IN ('t3', 't4')")
    forge(database, "DELETE FROM ledger_head")
    forge(database, "DELETE FROM ledger_tile")
    forge(database, "UPDATE ledger_event SET position = NULL")
    seal(database, key)
    assert verify(database, key).holds
    assert "history rewritten" in [entry["what"] for entry in verify(database, key, old).findings]


def test_a_head_of_another_installation_is_refused(database: Database, key: SigningKey, tmp_path: Path) -> None:
    seal(database, key)
    foreign = load_key(tmp_path / "other").checkpoint("control", 1, b"\0" * 32)
    for head in (foreign, "no head at all"):
        with pytest.raises(BadInput):
            verify(database, key, head)


def test_a_changed_decision_is_named_by_its_number_and_id(database: Database, key: SigningKey) -> None:
    leaves = [b'{"id":"d%d"}' % number for number in range(7)]

    def source(kept: list[bytes]) -> Callable[[int, int], list[bytes]]:
        return lambda start, at_most: kept[start:start + at_most]

    ledger.seal_once(database, key, "decisions-0", source(leaves))
    seal(database, key)
    assert verify(database, key, sources={"decisions-0": source(leaves)}).holds
    forged = [*leaves[:4], b'{"id":"d4","decision":"selected"}', *leaves[5:]]
    findings = verify(database, key, sources={"decisions-0": source(forged)}).findings
    assert [entry["what"] for entry in findings] == ["leaves changed"]
    assert "number 4, id d4" in findings[0]["message"]
    cut = verify(database, key, sources={"decisions-0": source(leaves[:5])}).findings
    assert [entry["what"] for entry in cut] == ["leaves missing"]


def test_an_event_without_its_change_leaves_nothing(database: Database, key: SigningKey) -> None:
    with pytest.raises(KeyError), database.write(SYSTEM) as work:
        work.connection.execute(update(thing).where(thing.c.id == "t0").values(name="z"))
        ledger.record(work, "thing.changed", thing, "t0")
        raise KeyError
    with database.read() as connection:
        assert connection.execute(ledger_event.select()).mappings().all()[-1]["subject_id"] == "t4"
    assert verify(database, key).holds
