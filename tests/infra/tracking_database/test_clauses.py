"""Pages by position: whatever the order, the pages together are the whole list, each row once."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.infra.tracking_database.clauses import Term, after, compared, in_teams, order_sql
from stellwerk.infra.tracking_database.statements import SqliteStatements

COLUMNS = 14
ROWS = st.lists(st.tuples(*[st.integers(0, 2)] * COLUMNS), min_size=1, max_size=12)


@given(rows=ROWS, directions=st.lists(st.booleans(), min_size=1, max_size=COLUMNS), size=st.integers(1, 5))
def test_pages_are_the_whole(rows: list[tuple[int, ...]], directions: list[bool], size: int) -> None:
    columns = [f"c{n}" for n in range(COLUMNS)]
    statements = SqliteStatements(sqlite3.connect(":memory:"))
    statements.modify(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(columns)})")
    statements.modify_many(f"INSERT INTO t VALUES (NULL, {', '.join('?' * COLUMNS)})", rows)
    terms = [*(Term(name, name, descending) for name, descending in zip(columns, directions, strict=False)),
             Term("id", "id")]
    listed = ", ".join(term.sql for term in terms)
    whole = statements.fetch_all(f"SELECT {listed} FROM t ORDER BY {order_sql(terms)}")
    paged: list[Any] = []
    while True:
        clause, values = after(terms, paged[-1]) if paged else ("1 = 1", [])
        page = statements.fetch_all(f"SELECT {listed} FROM t WHERE {clause} ORDER BY {order_sql(terms)} LIMIT ?",
                                    (*values, size))
        paged += page
        if len(page) < size:
            break
    assert paged == whole
    statements.connection.close()


def test_comparisons() -> None:
    assert compared("x", "=", 1) == ("x = ?", [1])
    assert compared("x", "NOT IN", ("a", "b")) == ("x NOT IN (?, ?)", ["a", "b"])
    assert compared("x", "LIKE", "a%", postgres=True) == ("x LIKE ? ESCAPE ''", ["a%"])
    with pytest.raises(ValueError, match="no comparison"):
        compared("x", "; DROP TABLE", 1)


def test_teams() -> None:
    assert in_teams("t", None) == ("1 = 1", [])
    assert in_teams("t", frozenset()) == ("t IS NULL", [])
    assert in_teams("t", frozenset({"b", "a"})) == ("(t IS NULL OR t IN (?, ?))", ["a", "b"])
