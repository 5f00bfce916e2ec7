"""Changes that wait together are committed together, and each is whole or absent by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from stellwerk.infra.tracking_database import Statements, TrackingDatabase, connections, open_tracking
from stellwerk.infra.tracking_database.connections import sqlite_file, translated
from stellwerk.kernel.errors import AlreadyExists, BadInput, Unavailable
from stellwerk.kernel.secret import Secret
from tests.infra.tracking_database.conftest import TABLE, Open
from tests.postgres import Postgres


def add(name: str, size: int = 1, then: Exception | None = None) -> Callable[[Statements], str]:
    def change(st: Statements) -> str:
        st.modify("INSERT INTO thing VALUES (?, ?)", (name, size))
        if then is not None:
            raise then
        return name

    return change


def names(database: TrackingDatabase) -> list[str]:
    return [row[0] for row in database.read(lambda st: st.fetch_all("SELECT name FROM thing ORDER BY name"))]


def together(database: TrackingDatabase, changes: list[Callable[[Statements], Any]]) -> list[Future[Any]]:
    """Let the writer meet all changes at once: it is held at a first one until all are queued."""
    held, go = threading.Event(), threading.Event()

    def hold(_st: Statements) -> None:
        held.set()
        assert go.wait(30)

    first = database.writer.submit(hold)
    assert held.wait(30)
    queued = [database.writer.submit(change) for change in changes]
    go.set()
    first.result(30)
    return queued


def test_what_is_written_is_there_for_others(open_database: Open) -> None:
    first, second = open_database(), open_database()
    assert first.write(add("a")) == "a"
    assert names(second) == ["a"]


def test_one_failing_change_among_many_is_undone_alone(database: TrackingDatabase) -> None:
    queued = together(database, [add("a"), add("b", then=BadInput("no")), add("c"), add("a"), add("d")])
    assert queued[0].result(30) == "a"
    with pytest.raises(BadInput, match="no"):
        queued[1].result(30)
    assert queued[2].result(30) == "c"
    with pytest.raises(AlreadyExists, match="at the same moment"):
        queued[3].result(30)
    assert queued[4].result(30) == "d"
    assert names(database) == ["a", "c", "d"]


def test_when_all_fail_nothing_stays_and_writing_goes_on(database: TrackingDatabase) -> None:
    for change in together(database, [add("a", then=BadInput("1")), add("b", then=BadInput("2"))]):
        with pytest.raises(BadInput):
            change.result(30)
    with pytest.raises(BadInput):
        database.write(add("alone", then=BadInput("3")))
    database.write(add("c"))
    assert names(database) == ["c"]


def test_changes_of_one_group_see_each_other_in_order(database: TrackingDatabase) -> None:
    def count(st: Statements) -> int:
        st.modify("INSERT INTO thing SELECT 'n' || count(*), count(*) FROM thing")
        return int(st.fetch_value("SELECT count(*) FROM thing"))

    assert [change.result(30) for change in together(database, [count] * 20)] == list(range(1, 21))


def test_a_group_is_flushed_once(tmp_path: Path) -> None:
    statements: list[str] = []

    def connect(writes: bool) -> Any:
        opened = sqlite_file(tmp_path / "t.sqlite")(writes)
        opened.connection.set_trace_callback(statements.append)
        return opened

    database = TrackingDatabase(connect, postgres=False)
    database.write(lambda st: st.modify(TABLE))
    statements.clear()
    for change in together(database, [add(str(n)) for n in range(50)]):
        change.result(30)
    # One for the change that held the writer, one for all that came meanwhile.
    assert sum(text == "COMMIT" for text in statements) == 2
    database.close()


def test_what_an_undone_change_remembered_is_forgotten(database: TrackingDatabase) -> None:
    def remember(st: Statements) -> None:
        st.memo["a"] = 5
        st.names[5] = "a"
        raise BadInput("no")

    for failing in (lambda: database.write(remember), lambda: together(database, [remember, add("x")])[0].result(30)):
        with pytest.raises(BadInput):
            failing()
        assert database.write(lambda st: (dict(st.memo), dict(st.names))) == ({}, {})


def test_writing_from_an_event_loop(database: TrackingDatabase) -> None:
    async def work() -> list[Any]:
        return await asyncio.gather(*(database.write_async(add(f"a{n}", then=BadInput("x") if n == 3 else None))
                                      for n in range(10)), return_exceptions=True)

    results = asyncio.run(work())
    assert isinstance(results.pop(3), BadInput)
    assert results == [f"a{n}" for n in range(10) if n != 3]
    assert names(database) == sorted(results)


def test_a_caller_who_gives_up_does_not_stop_the_others(database: TrackingDatabase) -> None:
    async def work() -> str:
        gone = asyncio.ensure_future(database.write_async(add("gone")))
        stays = asyncio.ensure_future(database.write_async(add("stays")))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(work()) == "stays"
    assert "stays" in names(database)


def test_a_loop_that_has_ended_does_not_stop_the_others(database: TrackingDatabase) -> None:
    async def leave() -> None:
        database.writer.submit_async(add("left"))

    asyncio.run(leave())
    database.write(add("stays"))
    assert names(database) == ["left", "stays"]


def test_closing_finishes_what_waits_and_refuses_what_comes(database: TrackingDatabase) -> None:
    queued = [database.writer.submit(add(f"a{n}")) for n in range(30)]
    database.close()
    assert [change.result(0) for change in queued] == [f"a{n}" for n in range(30)]
    with pytest.raises(Unavailable, match="stopping"):
        database.write(add("late"))


def test_a_full_disk_changes_nothing_and_is_said(tmp_path: Path) -> None:
    database = open_tracking(None, tmp_path / "t.sqlite")
    database.write(lambda st: st.modify(TABLE))
    database.write(add("before"))

    def fill(st: Statements) -> None:
        pages = int(st.fetch_value("PRAGMA page_count"))
        st.fetch_value(f"PRAGMA max_page_count = {pages + 2}")
        for number in range(2000):
            st.modify("INSERT INTO thing VALUES (?, 1)", (f"{number:039}",))

    queued = together(database, [add("beside"), fill, add("after")])
    with pytest.raises(Unavailable, match="disk is full") as found:
        queued[1].result(30)
    assert found.value.retry_after > 0
    for change in (queued[0], queued[2]):
        # The whole transaction went with the failing statement, or only the one change; never half of anything.
        if change.exception(30) is not None:
            assert isinstance(change.exception(), Unavailable)
    kept = names(database)
    assert set(kept) <= {"before", "beside", "after"}
    assert ("beside" in kept) == (queued[0].exception() is None)
    assert ("after" in kept) == (queued[2].exception() is None)
    database.write(lambda st: st.fetch_value("PRAGMA max_page_count = 1000000"))
    database.write(add("again"))
    assert "again" in names(database)
    database.close()


def test_a_lock_that_another_holds_is_said_as_busy(tmp_path: Path) -> None:
    def connect(writes: bool) -> Any:
        opened = sqlite_file(tmp_path / "t.sqlite")(writes)
        opened.connection.execute("PRAGMA busy_timeout=1")
        return opened

    database = TrackingDatabase(connect, postgres=False)
    database.write(lambda st: st.modify(TABLE))
    other = sqlite3.connect(tmp_path / "t.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="busy"):
        database.write(add("a"))
    other.execute("ROLLBACK")
    database.write(add("b"))
    assert names(database) == ["b"]
    other.close()
    database.close()


def test_a_lost_connection_is_opened_anew(postgres: Postgres, tmp_path: Path) -> None:
    address = Secret(postgres.new_database())
    database, other = open_tracking(address, tmp_path), open_tracking(address, tmp_path)
    database.write(lambda st: st.modify(TABLE))
    for name, end in (("a", lambda: database.write(own_process)), ("b", lambda: database.read(own_process))):
        process = end()
        other.write(lambda st, process=process: st.fetch_value("SELECT pg_terminate_backend(?, 5000)", (process,)))
        for call in (lambda: database.write(add("lost")), lambda: database.read(own_process)):
            try:
                call()
            except Unavailable as error:
                assert "cannot be reached" in error.message
        database.write(lambda st: st.modify("DELETE FROM thing WHERE name = 'lost'"))
        database.write(add(name))
        assert name in names(database)
    assert names(other) == ["a", "b"]
    database.close()
    other.close()


def own_process(st: Statements) -> Any:
    return st.fetch_value("SELECT pg_backend_pid()")


def test_a_commit_that_fails_is_told_to_all_of_its_group(tmp_path: Path) -> None:
    def connect(writes: bool) -> Any:
        opened = sqlite_file(tmp_path / "t.sqlite")(writes)
        opened.connection.execute("PRAGMA foreign_keys=ON")
        return opened

    database = TrackingDatabase(connect, postgres=False)
    database.write(lambda st: st.modify(TABLE))
    database.write(lambda st: st.modify("CREATE TABLE of (name REFERENCES thing (name) DEFERRABLE INITIALLY DEFERRED)"))
    dangling = together(database, [add("a"), lambda st: st.modify("INSERT INTO of VALUES ('nothing')"), add("b")])
    for change in dangling:
        with pytest.raises(sqlite3.IntegrityError):
            change.result(30)
    assert names(database) == []
    database.write(add("c"))
    assert names(database) == ["c"]
    database.close()


CRASHING = """
import os, sys, threading
from pathlib import Path
from stellwerk.infra.tracking_database import open_tracking
from stellwerk.kernel.secret import Secret
address = Secret(sys.argv[1]) if sys.argv[1] else None
database = open_tracking(address, Path(sys.argv[2]))

def change(number):
    def run(st):
        for part in range(5):
            st.modify("INSERT INTO thing VALUES (?, ?)", (f"{number}-{part}", part))
    return run

def work(first):
    for number in range(first, 100_000, 4):
        database.write(change(number))
        os.write(1, f"{number}\\n".encode())

for first in range(4):
    threading.Thread(target=work, args=(first,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_process_leaves_whole_changes(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    address = request.getfixturevalue("postgres").new_database() if kind == "postgres" else ""
    database = open_tracking(Secret(address) if address else None, tmp_path / "t.sqlite")
    database.write(lambda st: st.modify(TABLE))
    process = subprocess.Popen([sys.executable, "-c", CRASHING, address, str(tmp_path / "t.sqlite")],
                               stdout=subprocess.PIPE)
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(60)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout.read().split(b"\n")[:-1]]
    process.stdout.close()
    process.wait(30)
    parts: dict[int, int] = {}
    for name in names(database):
        number = int(name.partition("-")[0])
        parts[number] = parts.get(number, 0) + 1
    assert set(acknowledged) <= set(parts)
    assert set(parts.values()) == {5}
    assert len(set(parts) - set(acknowledged)) <= 4
    database.close()


@pytest.mark.parametrize(("error", "kind"), [
    (sqlite3.OperationalError("database or disk is full"), Unavailable),
    (sqlite3.OperationalError("database is locked"), Unavailable), (sqlite3.OperationalError("interrupted"), BadInput),
    (sqlite3.OperationalError("too many SQL variables"), BadInput),
    (sqlite3.OperationalError("at most 64 tables in a join"), BadInput),
    (OverflowError("Python int too large to convert to SQLite INTEGER"), BadInput), (OverflowError("x"), OverflowError),
    (sqlite3.OperationalError("no such table: x"), sqlite3.OperationalError), (BadInput("x"), BadInput),
    (ZeroDivisionError("x"), ZeroDivisionError),
])
def test_errors_are_told_as_what_they_mean(error: Exception, kind: type[Exception]) -> None:
    assert type(translated(error, 3)) is kind


@pytest.mark.parametrize("value", [2**63, -2**70])
def test_values_that_no_database_holds_are_the_callers(database: TrackingDatabase, value: int) -> None:
    with pytest.raises(BadInput, match="beyond"):
        database.write(lambda st: st.modify("INSERT INTO thing VALUES ('a', ?)", (value,)))
    assert names(database) == []


def test_errors_of_postgres_are_told_as_what_they_mean() -> None:
    from psycopg import errors

    assert isinstance(translated(errors.QueryCanceled(), 3), BadInput)
    for unreachable in (errors.OperationalError("gone"), errors.AdminShutdown(), errors.DiskFull(),
                        errors.SerializationFailure(), errors.InterfaceError("closed")):
        assert isinstance(translated(unreachable), Unavailable)
    assert isinstance(translated(errors.StatementTooComplex()), BadInput)
    for beyond in (errors.DataError("NUL"), errors.NumericValueOutOfRange(), errors.CharacterNotInRepertoire()):
        assert isinstance(translated(beyond), BadInput)
    assert isinstance(translated(errors.UniqueViolation()), AlreadyExists)
    ours = errors.UndefinedTable()
    assert translated(ours) is ours
    for held in (errors.LockNotAvailable(), errors.IdleInTransactionSessionTimeout()):
        assert isinstance(translated(held), Unavailable)


def test_a_lock_that_hangs_in_postgres_stops_no_writer(postgres: Postgres, tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_LOCK_MS", 50)
    address = Secret(postgres.new_database())
    database, other = open_tracking(address, tmp_path), open_tracking(address, tmp_path)
    database.write(lambda st: st.modify(TABLE))
    held, go = threading.Event(), threading.Event()

    def hang(st: Statements) -> None:
        st.fetch_value("SELECT pg_advisory_xact_lock(1)")
        held.set()
        assert go.wait(30)

    hanging = other.writer.submit(hang)
    assert held.wait(30)
    with pytest.raises(Unavailable, match="busy"):
        database.write(lambda st: st.fetch_value("SELECT pg_advisory_xact_lock(1)"))
    database.write(add("a"))
    go.set()
    hanging.result(30)
    assert names(database) == ["a"]
    database.close()
    other.close()


def test_nothing_is_queued_behind_the_end(tmp_path: Path) -> None:
    for _ in range(6):
        database = open_tracking(None, tmp_path / "t.sqlite")
        database.write(lambda st: st.modify(TABLE))
        answers: list[Future[Any]] = []
        refused = threading.Event()

        def write(database: TrackingDatabase = database, answers: list[Future[Any]] = answers,
                  refused: threading.Event = refused) -> None:
            while True:
                try:
                    answers.append(database.writer.submit(lambda _st: None))
                except Unavailable:
                    refused.set()
                    return

        threads = [threading.Thread(target=write) for _ in range(3)]
        for thread in threads:
            thread.start()
        database.close()
        for thread in threads:
            thread.join(30)
        assert refused.is_set()
        for answer in answers:
            answer.result(5)
