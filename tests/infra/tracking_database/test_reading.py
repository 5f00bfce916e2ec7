"""Each read sees one state, changes nothing, and ends when it takes too long."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from stellwerk.infra.tracking_database import Statements, TrackingDatabase
from stellwerk.kernel.errors import BadInput
from tests.infra.tracking_database.conftest import Open

COUNT = "SELECT count(*) FROM thing"
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT max(i) FROM n"


def add(database: TrackingDatabase, name: str) -> None:
    database.write(lambda st: st.modify("INSERT INTO thing VALUES (?, 1)", (name,)))


def test_a_read_keeps_its_view_while_others_write(open_database: Open) -> None:
    reader, writer = open_database(), open_database()
    with reader.reading() as statements:
        assert statements.fetch_value(COUNT) == 0
        add(writer, "a")
        assert statements.fetch_value(COUNT) == 0
    with reader.reading() as statements:
        assert statements.fetch_value(COUNT) == 1


def test_a_read_cannot_write(database: TrackingDatabase) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only|readonly"):
        database.read(lambda st: st.modify("INSERT INTO thing VALUES ('a', 1)"))
    assert database.read(lambda st: st.fetch_value(COUNT)) == 0


def test_what_takes_too_long_is_stopped_and_said(database: TrackingDatabase) -> None:
    with pytest.raises(BadInput, match=r"stopped after 0\.1 seconds"):
        database.read(lambda st: st.fetch_value(SLOW), 0.1)
    # The limit ends with the read: the connection is good for the next.
    assert database.read(lambda st: st.fetch_value(COUNT), 5) == 0


def test_reads_at_once(database: TrackingDatabase) -> None:
    add(database, "a")
    barrier = threading.Barrier(5)

    def query(st: Statements) -> Any:
        barrier.wait(30)  # all five hold a connection at the same time
        return st.fetch_value(COUNT)

    async def work() -> list[Any]:
        return await asyncio.gather(*(database.read_async(query) for _ in range(5)))

    assert asyncio.run(work()) == [1] * 5


def test_looking_up(database: TrackingDatabase) -> None:
    add(database, "a")

    async def work() -> Any:
        found = await database.look_up(lambda st: st.fetch_one("SELECT name, size FROM thing WHERE name = ?", ("a",)))
        with pytest.raises(BadInput):
            await database.look_up(fail)
        return found, await database.look_up(lambda st: st.fetch_one("SELECT 1 FROM thing WHERE name = ?", ("b",)))

    def fail(_st: Statements) -> None:
        raise BadInput("no")

    found, nothing = asyncio.run(work())
    assert tuple(found) == ("a", 1)
    assert nothing is None


def test_streams_give_all_rows(database: TrackingDatabase) -> None:
    database.write(lambda st: st.modify_many("INSERT INTO thing VALUES (?, ?)", [(f"{n:05}", n) for n in range(12_000)]))
    with database.reading() as statements:
        assert sum(row[0] for row in statements.stream("SELECT size FROM thing WHERE size >= ?", (2,))) == sum(
            range(2, 12_000))


def test_texts_with_marks_of_the_drivers_are_only_texts(database: TrackingDatabase) -> None:
    for text in ("%s", "100%", "?", "it's", "$1", "\\", "%(a)s", "é漢😀"):
        add(database, text)
    found = database.read(lambda st: st.fetch_all("SELECT name FROM thing WHERE name LIKE '%' AND size = ?", (1,)))
    assert {row[0] for row in found} == {"%s", "100%", "?", "it's", "$1", "\\", "%(a)s", "é漢😀"}
