"""Pieces of SQL that searches of several slices are made of: comparisons, orders, and where a page begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stellwerk.infra.tracking_database.statements import marks

Clause = tuple[str, list[Any]]
# A condition nested for more terms would overflow the parser of SQLite.
_NESTED = 12


@dataclass(frozen=True, slots=True)
class Term:
    """One part of an order: an SQL expression that is never NULL, and its name in the row that is read."""

    sql: str
    column: str
    descending: bool = False


def order_sql(terms: Sequence[Term]) -> str:
    """Return the ORDER BY list of terms."""
    return ", ".join(f"{term.sql} {'DESC' if term.descending else 'ASC'}" for term in terms)


def after(terms: Sequence[Term], position: Sequence[Any]) -> Clause:
    """Return the condition of standing behind a position in the order of the terms."""
    if len(terms) > _NESTED:
        return _after_flat(terms, position)
    text = ""
    values: list[Any] = []
    for term, value in reversed(list(zip(terms, position, strict=True))):
        sign = "<" if term.descending else ">"
        if text:
            text = f"({term.sql} {sign} ? OR ({term.sql} = ? AND {text}))"
            values = [value, value, *values]
        else:
            text, values = f"{term.sql} {sign} ?", [value]
    return text, values


def _after_flat(terms: Sequence[Term], position: Sequence[Any]) -> Clause:
    texts: list[str] = []
    values: list[Any] = []
    equal = ""
    for place, term in enumerate(terms):
        texts.append(f"({equal}{term.sql} {'<' if term.descending else '>'} ?)")
        values += position[:place + 1]
        equal += f"{term.sql} = ? AND "
    return f"({' OR '.join(texts)})", values


def compared(column: str, op: str, value: Any, *, postgres: bool = False) -> Clause:
    """Return the comparison of a column with a value; LIKE minds case, ILIKE does not, neither has an escape."""
    escape = " ESCAPE ''" if postgres else ""
    if op == "LIKE":
        return f"{column} LIKE ?{escape}", [value]
    if op == "ILIKE":
        return f"lower({column}) LIKE lower(?){escape}", [value]
    if op in ("IN", "NOT IN"):
        return f"{column} {op} ({marks(len(value))})", list(value)
    if op not in ("=", "!=", "<", "<=", ">", ">="):
        raise ValueError(f"no comparison {op!r}")
    return f"{column} {op} ?", [value]


def in_teams(column: str, teams: frozenset[str] | None) -> Clause:
    """Return the condition that a thing is shared or belongs to one of the teams; None means every team."""
    if teams is None:
        return "1 = 1", []
    if not teams:
        return f"{column} IS NULL", []
    return f"({column} IS NULL OR {column} IN ({marks(len(teams))}))", sorted(teams)
