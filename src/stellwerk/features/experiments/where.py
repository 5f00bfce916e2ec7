"""What a search of experiments asks for, as pieces of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stellwerk.infra.tracking_database import clauses
from stellwerk.infra.tracking_database.clauses import Clause, Term, after, order_sql
from stellwerk.infra.tracking_database.statements import marks
from stellwerk.protocols.mlflow.search import Comparison, Order

_COLUMNS = {"name": "name", "experiment_id": "id", "creation_time": "created_at", "last_update_time": "updated_at"}

__all__ = ["after", "of_comparison", "order_sql", "order_terms", "stages_and_team"]


def stages_and_team(stages: Sequence[str], teams: frozenset[str] | None) -> tuple[list[str], list[Any]]:
    """Return the conditions on lifecycle and team."""
    clause, values = clauses.in_teams("team", teams)
    return [f"lifecycle IN ({marks(len(stages))})", clause], [*stages, *values]


def of_comparison(comparison: Comparison, *, postgres: bool = False) -> Clause:
    """Return one comparison of a filter."""
    if comparison.kind == "attribute":
        value: Any = comparison.value
        if comparison.key == "experiment_id":  # numbers written as texts, which the parser has checked
            value = tuple(map(int, value)) if isinstance(value, tuple) else int(value)
        return clauses.compared(_COLUMNS[comparison.key], comparison.op, value, postgres=postgres)
    has = "EXISTS (SELECT 1 FROM experiment_tag t WHERE t.experiment_id = experiment.id AND t.key = ?"
    if comparison.op == "IS NULL":
        return f"NOT {has})", [comparison.key]
    if comparison.op == "IS NOT NULL":
        return f"{has})", [comparison.key]
    clause, values = clauses.compared("t.value", comparison.op, comparison.value, postgres=postgres)
    return f"{has} AND {clause})", [comparison.key, *values]


def order_terms(order: Sequence[Order]) -> list[Term]:
    """Return the order of a search: as asked, newest first otherwise, and by id where that leaves a choice."""
    terms = [Term(_COLUMNS[entry.key], _COLUMNS[entry.key], entry.descending) for entry in order]
    known = {term.column for term in terms}
    if not terms:
        terms.append(Term("created_at", "created_at", descending=True))
    if "id" not in known:
        terms.append(Term("id", "id", descending=not order))
    return terms
