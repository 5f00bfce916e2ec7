"""Transactions commit whole or not at all, and one writer waits for the other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select

from stellwerk.infra.database import Database
from stellwerk.kernel.actor import SYSTEM

own = MetaData()
counter = Table("counter", own, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))


@pytest.fixture
def database(tmp_path: Path) -> Database:
    made = Database(tmp_path / "control.sqlite")
    with made.write(SYSTEM) as work:
        own.create_all(work.connection)
    return made


def count(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(counter)).scalar_one())


def test_an_error_undoes_all_and_calls_no_hook(database: Database) -> None:
    called: list[str] = []
    with pytest.raises(KeyError), database.write(SYSTEM) as work:
        work.connection.execute(insert(counter).values(value=1))
        work.after_commit.append(lambda: called.append("hook"))
        raise KeyError
    assert count(database) == 0
    assert called == []


def test_hooks_run_after_the_commit(database: Database) -> None:
    seen: list[int] = []
    with database.write(SYSTEM) as work:
        work.connection.execute(insert(counter).values(value=1))
        work.after_commit.append(lambda: seen.append(count(database)))
    assert seen == [1]


def test_writers_wait_for_each_other(database: Database) -> None:
    with database.write(SYSTEM) as work:
        work.connection.execute(insert(counter).values(id=1, value=0))

    def add() -> None:
        for _ in range(20):
            with database.write(SYSTEM) as inner:
                value = inner.connection.execute(select(counter.c.value)).scalar_one()
                inner.connection.execute(counter.update().values(value=value + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert connection.execute(select(counter.c.value)).scalar_one() == 80


def test_a_reader_keeps_its_view(database: Database) -> None:
    with database.read() as connection:
        before = connection.execute(select(func.count()).select_from(counter)).scalar_one()
        with database.write(SYSTEM) as work:
            work.connection.execute(insert(counter).values(value=1))
        assert connection.execute(select(func.count()).select_from(counter)).scalar_one() == before
