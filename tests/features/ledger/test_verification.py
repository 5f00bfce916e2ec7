"""Verification finds each kind of change and names table and row; what it cannot see it says."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, insert, text, update

from stellwerk.features import ledger
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.ledger.tables import ledger_event, ledger_head
from stellwerk.features.ledger.verification import verify_installation
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
    ("DELETE FROM ledger_event WHERE seq = 2", "event missing"),
    ("UPDATE ledger_event SET position = NULL WHERE seq = 2", "event missing"),
    ("UPDATE ledger_event SET position = 99 WHERE seq = 5", "head changed"),
    ("UPDATE ledger_event SET leaf = leaf || x'20' WHERE seq = 2", "event changed"),
    ("UPDATE ledger_event SET leaf = 'text' WHERE seq = 2", "event changed"),
    ("UPDATE ledger_event SET at = 9000000000000000000 WHERE seq = 2", "event changed"),
    ("UPDATE ledger_event SET at = 'then' WHERE seq = 2", "event changed"),
    ("UPDATE ledger_event SET detail_nonce = 'text' WHERE seq = 2", "event changed"),
    ("UPDATE ledger_event SET actor_name = CAST(x'ff' AS TEXT) WHERE seq = 2", "event unreadable"),
    ("UPDATE ledger_tile SET hashes = zeroblob(length(hashes))", "hashes changed"),
    ("UPDATE ledger_tile SET hashes = x'00'", "hashes changed"),
    ("DELETE FROM ledger_tile", "hashes changed"),
    ("UPDATE ledger_head SET size = 4", "head changed"),
    ("UPDATE ledger_head SET size = 'many'", "head changed"),
    ("UPDATE ledger_head SET checkpoint = x'00ff'", "head changed"),
    ("UPDATE ledger_head SET root = replace(root, substr(root, 1, 1), 'z')", "head changed"),
    ("UPDATE ledger_head SET checkpoint = replace(checkpoint, '\n5\n', '\n4\n')", "head changed"),
    ("DELETE FROM ledger_head", "head missing"),
])
def test_a_changed_tree_is_found(database: Database, key: SigningKey, statement: str, what: str) -> None:
    seal(database, key)
    forge(database, statement)
    assert what in [entry["what"] for entry in verify(database, key).findings]


def test_hashes_that_were_changed_do_not_accuse_events(database: Database, key: SigningKey) -> None:
    seal(database, key)
    forge(database, "UPDATE ledger_tile SET hashes = zeroblob(length(hashes))")
    assert [entry["what"] for entry in verify(database, key).findings] == ["hashes changed"]


def rename(database: Database, thing_id: str, name: str) -> None:
    with database.write(SYSTEM) as work:
        work.connection.execute(update(thing).where(thing.c.id == thing_id).values(name=name))
        ledger.record(work, "thing.renamed", thing, thing_id)


def test_an_old_state_cannot_come_back_by_turning_events_around(database: Database, key: SigningKey) -> None:
    rename(database, "t2", "new")
    seal(database, key)
    forge(database, "UPDATE thing SET name = 'a' WHERE id = 't2'")
    assert [(entry["what"], entry["row"]) for entry in verify(database, key).findings] == [("row changed", "t2")]
    forge(database, "UPDATE ledger_event SET seq = 100 WHERE seq = 3")
    assert "event moved" in [entry["what"] for entry in verify(database, key).findings]


def test_an_event_in_a_log_that_nobody_seals_speaks_for_no_row(database: Database, key: SigningKey) -> None:
    seal(database, key)
    rename(database, "t2", "forged")
    forge(database, "UPDATE ledger_event SET log = 'aside' WHERE position IS NULL")
    what = {(entry["what"], entry["row"]) for entry in verify(database, key).findings}
    assert {("row changed", "t2"), ("log unknown", None)} <= what


def test_an_event_that_waits_must_be_what_its_leaf_says(database: Database, key: SigningKey) -> None:
    forge(database, "UPDATE ledger_event SET verb = 'thing.other' WHERE seq = 2")
    assert [entry["what"] for entry in verify(database, key).findings] == ["event changed"]


def test_the_key_holder_cannot_hide_behind_old_hashes(database: Database, key: SigningKey) -> None:
    """Records are written anew and signed, but the hashes kept of the first three are left as they were."""
    old = seal(database, key)
    with database.read() as connection:
        before = connection.execute(text("SELECT hashes FROM ledger_tile WHERE level = 0")).scalar_one()
    forge(database, "UPDATE thing SET name = 'forged' WHERE id = 't1'")
    forge(database, "DELETE FROM ledger_head")
    forge(database, "DELETE FROM ledger_tile")
    forge(database, "DELETE FROM ledger_event")
    with database.write(SYSTEM) as work:
        for number in range(5):
            ledger.record(work, "thing.made", thing, f"t{number}")
    seal(database, key)
    assert verify(database, key).holds
    with database.write(SYSTEM) as work:
        work.connection.execute(text("UPDATE ledger_tile SET hashes = :old WHERE level = 0"), {"old": before})
    found = verify(database, key, old)
    assert found.consistent_with is None
    assert "history rewritten" in [entry["what"] for entry in found.findings]


def test_a_text_that_is_no_text_any_more_is_named(database: Database, key: SigningKey) -> None:
    seal(database, key)
    forge(database, "UPDATE thing SET name = CAST(x'ff' AS TEXT) WHERE id = 't3'")
    assert [(entry["what"], entry["row"]) for entry in verify(database, key).findings] == [("row changed", "t3")]
    forge(database, "UPDATE thing SET id = CAST(x'ff' AS TEXT) WHERE id = 't3'")
    assert ("table unreadable", "thing") in [(entry["what"], entry["table"]) for entry in verify(database, key).findings]


def test_a_byte_changed_in_the_file_is_named(database: Database, key: SigningKey) -> None:
    rename(database, "t2", "a name that stands once")
    seal(database, key)
    forge(database, "PRAGMA user_version = 1")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = bytearray(database.path.read_bytes())
    at = content.index(b"a name that stands once")
    content[at] ^= 1
    database.path.write_bytes(bytes(content))
    assert [(entry["what"], entry["table"], entry["row"]) for entry in verify(database, key).findings] == [
        ("row changed", "thing", "t2")]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_a_finding_or_harmless_but_never_a_crash(database: Database, key: SigningKey,
                                                                     data: st.DataObject) -> None:
    if not (database.path.parent / "intact").exists():
        seal(database, key)
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        (database.path.parent / "intact").write_bytes(database.path.read_bytes())
    content = bytearray((database.path.parent / "intact").read_bytes())
    for at in data.draw(st.lists(st.integers(100, len(content) - 1), min_size=1, max_size=20)):
        content[at] ^= data.draw(st.integers(1, 255))
    forged = database.path.parent / "forged.sqlite"
    forged.write_bytes(bytes(content))
    damaged = Database(forged)
    try:
        damaged.engine.connect().close()
    except (sqlalchemy.exc.DatabaseError, UnicodeDecodeError):
        # SQLite does not even open it: that is said before verification starts.
        return
    try:
        verify(damaged, key).body()
    finally:
        damaged.close()


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
    unread = verify(database, key)
    assert unread.holds
    assert "Anything about the records of decisions-0" in unread.body()["not_proven"][-1]
    forged = [*leaves[:4], b'{"id":"d4","decision":"selected"}', *leaves[5:]]
    findings = verify(database, key, sources={"decisions-0": source(forged)}).findings
    assert [(entry["what"], entry["table"], entry["row"]) for entry in findings] == [
        ("decision changed", "decisions-0", "d4")]
    assert "at position 4" in findings[0]["message"]
    cut = verify(database, key, sources={"decisions-0": source(leaves[:5])}).findings
    assert [(entry["what"], entry["message"]) for entry in cut] == [
        ("decisions missing", "positions 5 to 6 are not there")]

    def broken(_start: int, _at_most: int) -> list[bytes]:
        raise sqlite3.DatabaseError("malformed")

    assert "records unreadable" in [entry["what"] for entry in
                                    verify(database, key, sources={"decisions-0": broken}).findings]


def test_decisions_cannot_be_cut_back_to_an_earlier_head(database: Database, key: SigningKey) -> None:
    leaves = [b'{"id":"d%d"}' % number for number in range(7)]
    ledger.seal_once(database, key, "decisions-0", lambda start, _most: leaves[start:4])
    with database.read() as connection:
        early = dict(connection.execute(ledger_head.select().where(ledger_head.c.log == "decisions-0")).mappings().one())
    ledger.seal_once(database, key, "decisions-0", lambda start, _most: leaves[start:])
    seal(database, key)
    with database.write(SYSTEM) as work:
        work.connection.execute(update(ledger_head).where(ledger_head.c.log == "decisions-0").values(**early))
    sources: dict[str, ledger.LeafSource] = {"decisions-0": lambda start, most: leaves[:4][start:start + most]}
    assert "not the head that the control log recorded last" in verify(database, key, sources=sources).findings[0]["message"]
    forge(database, "UPDATE ledger_event SET payload = 'no json' WHERE verb = 'head.sealed'")
    assert {"head changed", "event changed"} <= {
        entry["what"] for entry in verify(database, key, sources=sources).findings}
    forge(database, "DELETE FROM ledger_head WHERE log = 'decisions-0'")
    assert ("head missing", "decisions-0") in [(entry["what"], entry["row"])
        for entry in verify(database, key, sources=sources).findings]


def test_an_event_without_its_change_leaves_nothing(database: Database, key: SigningKey) -> None:
    with pytest.raises(KeyError), database.write(SYSTEM) as work:
        work.connection.execute(update(thing).where(thing.c.id == "t0").values(name="z"))
        ledger.record(work, "thing.changed", thing, "t0")
        raise KeyError
    with database.read() as connection:
        assert connection.execute(ledger_event.select()).mappings().all()[-1]["subject_id"] == "t4"
    assert verify(database, key).holds
