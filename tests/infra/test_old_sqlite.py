"""An old SQLite is taught what the durable engine asks of it."""

from __future__ import annotations

import time

from sqlalchemy import create_engine

from stellwerk.infra.database import teach_fractions_of_seconds


def test_fractions_of_seconds_are_known() -> None:
    teach_fractions_of_seconds()
    with create_engine("sqlite://").connect() as connection:
        before = time.time()
        found = connection.exec_driver_sql("SELECT unixepoch('subsec')").scalar_one()
        assert before - 1 <= found <= time.time() + 1
        # Ten whole seconds in a row would be a miracle.
        assert any(connection.exec_driver_sql("SELECT unixepoch('subsec')").scalar_one() % 1 for _ in range(10))
        connection.exec_driver_sql("CREATE TABLE t (a INTEGER DEFAULT (unixepoch('subsec') * 1000) NOT NULL, b TEXT)")
        connection.exec_driver_sql("INSERT INTO t (b) VALUES ('x')")
        assert connection.exec_driver_sql("SELECT a FROM t").scalar_one() > 1e12
