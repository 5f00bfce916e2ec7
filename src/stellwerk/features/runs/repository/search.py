"""Searching runs: filters as joins on their indexes, orders in phases, pages by position.

The first key of an order decides the phases: runs that have a value there, in the order of its index; then those
whose metric is NaN; then those without one. A page goes through the phases until it is full, so the common case
reads an index as far as the page reaches and sorts nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stellwerk.features.runs.repository import keys
from stellwerk.features.runs.repository.runs import Run
from stellwerk.features.runs.repository.search_query import Logged, Query, plan
from stellwerk.features.runs.tables import INDEXED
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.clauses import Term, after, compared, order_sql
from stellwerk.infra.tracking_database.statements import marks
from stellwerk.protocols.mlflow.search import Comparison, Order

TABLES = {"metric": "latest_metric", "param": "param", "tag": "run_tag"}
ATTRIBUTES = {"run_id": "r.id", "run_name": "r.name", "user_id": "r.user_id", "status": "r.status",
               "start_time": "r.start_time", "end_time": "r.end_time", "experiment_id": "r.experiment_id",
               "artifact_uri": "('mlflow-artifacts:/' || r.experiment_id || '/' || r.id || '/artifacts')",
               "lifecycle_stage": "r.lifecycle"}
# Attributes that a run under way lacks; searches of the protocol do not know the last of them, pages do.
_LACKING = {"end_time": "r.end_time",
            # Not of whole numbers: more may lie between two times that clients send than 64 bits hold.
            "duration": "(CAST(r.end_time AS DOUBLE PRECISION) - CAST(r.start_time AS DOUBLE PRECISION))"}
_WHOLE = frozenset({"start_time", *_LACKING})
# Stands for a value that is not there, where a page token needs one.
_NOTHING: dict[type, Any] = {float: 0.0, int: 0, str: ""}
_RUN = "r.no, r.id, r.experiment_id, r.name, r.user_id, r.status, r.lifecycle, r.start_time, r.end_time, r.created_by"


def token_kinds(order: Sequence[Order]) -> tuple[type | tuple[type, ...], ...]:
    """Return the types in a position: the phase, rank and value of each key, start and id of the run."""
    kinds: list[type | tuple[type, ...]] = [int]
    for entry in order:
        kinds += [int, (int, float) if _kind(entry) in (int, float) else str]
    return (*kinds, int, str)


def _kind(entry: Order) -> type:
    if entry.kind == "metric":
        return float
    if entry.kind == "attribute" and (entry.key in _WHOLE or entry.key == "experiment_id"):
        return int
    return str


def search(st: Statements, experiment_ids: Sequence[int], stages: Sequence[str], filters: Sequence[Comparison],
           order: Sequence[Order], position: Sequence[Any] | None, limit: int, *,
           backwards: bool = False) -> tuple[list[Run], list[list[Any]]]:
    """Return a page of runs and the position of each, behind ``position``.

    With ``backwards`` the page ends before the position; its runs come in the opposite order, nearest first.
    """
    if not experiment_ids:
        return [], []
    first = order[0] if order and order[0].kind in TABLES else None
    phases = (0,) if first is None else (0, 1, 2) if first.kind == "metric" else (0, 2)
    runs: list[Run] = []
    places: list[list[Any]] = []
    counts: dict[str, int] = {}
    for phase in reversed(phases) if backwards else phases:
        if position is not None and (phase > position[0] if backwards else phase < position[0]):
            continue
        query = filtered(st, experiment_ids, stages, filters)
        terms = _ordered(st, query, order, phase)
        plan(st, query, counts, ordered_by=_index_of(order, phase, experiment_ids), experiment_ids=experiment_ids,
             limit=limit)
        if query.nothing:
            continue
        if backwards:
            terms = [replace(term, descending=not term.descending) for term in terms]
        if position is not None and phase == position[0]:
            query.where(*after(terms, position[1:]))
        columns = ", ".join(term.sql for term in terms[:-2])
        sql = (f"SELECT {_RUN}{', ' + columns if columns else ''} {query.source} "
               f"ORDER BY {order_sql(_without_constants(terms))} LIMIT ?")
        for row in st.fetch_all(sql, (*query.all_values, limit - len(runs))):
            run = Run(*row[:10])
            runs.append(run)
            places.append([phase, *row[10:], run.start_time, run.id])
        if len(runs) >= limit:
            break
    return runs, places


def _index_of(order: Sequence[Order], phase: int, experiment_ids: Sequence[int]) -> str:
    """Return the name whose index gives the order of a phase: that of values, or of starts within an experiment."""
    if order and order[0].kind in TABLES and phase < 2:
        return "o0"
    by_start = not order or phase == 2 or (order[0].kind, order[0].key) == ("attribute", "start_time")
    return "r" if by_start and len(experiment_ids) == 1 else ""


def _without_constants(terms: Sequence[Term]) -> list[Term]:
    # A constant sorts nothing, and PostgreSQL reads a number there as the place of a column.
    return [term for term in terms if not term.column.startswith("constant")]


def filtered(st: Statements, experiment_ids: Sequence[int], stages: Sequence[str],
             filters: Sequence[Comparison]) -> Query:
    """Return the query of all runs that the filters let through."""
    query = Query()
    query.where(f"r.experiment_id IN ({marks(len(experiment_ids))})", experiment_ids)
    query.where(f"r.lifecycle IN ({marks(len(stages))})", stages)
    for number, comparison in enumerate(filters):
        if comparison.kind == "attribute":
            text, values = compared(ATTRIBUTES[comparison.key], comparison.op, comparison.value, postgres=st.postgres)
            query.where(text, values)
        elif comparison.kind == "dataset":
            query.where(*_dataset(comparison, st.postgres))
        else:
            _logged(st, query, comparison, f"f{number}")
    return query


def _logged(st: Statements, query: Query, comparison: Comparison, name: str) -> None:
    table, number = TABLES[comparison.kind], keys.known_number(st, comparison.key)
    if comparison.op == "IS NULL":
        query.where(f"NOT EXISTS (SELECT 1 FROM {table} {name} WHERE {name}.run_no = r.no AND {name}.key_no = ?)",
                    [number])
        return
    query.logged.append(Logged(name, table, [f"{name}.key_no = ?"], [number]))
    _compare(query.logged[-1], comparison, st.postgres)


def _compare(logged: Logged, comparison: Comparison, postgres: bool) -> None:
    if comparison.op == "IS NOT NULL":
        return
    column, number = f"{logged.name}.value", logged.values[0]
    text, values = compared(column, comparison.op, comparison.value, postgres=postgres)
    if comparison.kind == "metric":
        # NaN is kept as 0 with a mark; it is unequal to every number and neither below nor above one.
        if comparison.op == "!=":
            text = f"({logged.name}.is_nan = 1 OR {text})"
        else:
            text = f"{logged.name}.is_nan = 0 AND {text}"
            logged.indexed = (text.replace(f"{logged.name}.", "t.") + " AND t.key_no = ?", [*values, number])
    elif comparison.op == "=":
        logged.indexed = "t.key_no = ? AND t.value = ?", [number, comparison.value]
        if postgres:
            # What its index holds: the beginning of the value.
            begins = f"substr(%s, 1, {INDEXED}) = substr(?, 1, {INDEXED})"
            logged.indexed = f"t.key_no = ? AND {begins % 't.value'}", [number, comparison.value]
            text += f" AND {begins % column}"
            values = [*values, comparison.value]
    logged.clauses.append(text)
    logged.values.extend(values)


def _dataset(comparison: Comparison, postgres: bool) -> tuple[str, list[Any]]:
    if comparison.key == "context":
        text, values = compared("t.value", comparison.op, comparison.value, postgres=postgres)
        return ("EXISTS (SELECT 1 FROM run_input_tag t WHERE t.run_no = r.no AND t.name = 'mlflow.data.context' "
                f"AND {text})", values)
    column = {"name": "d.name", "digest": "d.digest"}[comparison.key]
    text, values = compared(column, comparison.op, comparison.value, postgres=postgres)
    return ("EXISTS (SELECT 1 FROM run_input i JOIN dataset d ON d.no = i.dataset_no "
            f"WHERE i.run_no = r.no AND {text})", values)


def _ordered(st: Statements, query: Query, order: Sequence[Order], phase: int) -> list[Term]:
    """Return the terms of an order within a phase: rank and value of each key, then the newest start, then the id."""
    terms: list[Term] = []
    for number, entry in enumerate(order):
        name = f"o{number}"
        if entry.kind not in TABLES:
            terms += _attribute_terms(entry)
        elif number == 0:
            terms += _phase_terms(st, query, entry, phase, name)
        else:
            terms += _joined_terms(st, query, entry, name)
    return [*terms, Term("r.start_time", "start_time", descending=True), Term("r.id", "id")]


def _attribute_terms(entry: Order) -> list[Term]:
    if entry.key not in _LACKING:
        return [Term("0", "constant"), Term(ATTRIBUTES[entry.key], entry.key, entry.descending)]
    return [Term("CASE WHEN r.end_time IS NULL THEN 1 ELSE 0 END", "rank"),
            Term(f"coalesce({_LACKING[entry.key]}, 0)", entry.key, entry.descending)]


def _phase_terms(st: Statements, query: Query, entry: Order, phase: int, name: str) -> list[Term]:
    table, number = TABLES[entry.kind], keys.known_number(st, entry.key)
    # A bare 0.0 is a decimal to PostgreSQL, which no page token holds.
    nothing = "CAST(0 AS DOUBLE PRECISION)" if entry.kind == "metric" else "''"
    if phase == 2:
        query.where(f"NOT EXISTS (SELECT 1 FROM {table} {name} WHERE {name}.run_no = r.no AND {name}.key_no = ?)",
                    [number])
        return [Term("2", "constant"), Term(nothing, "constant value")]
    # A filter on the same key narrows the very index that gives the order.
    known = next((one for one in query.logged if one.table == table and one.values[0] == number), None)
    if known is not None:
        known.name, known.clauses = name, [clause.replace(f"{known.name}.", f"{name}.") for clause in known.clauses]
    else:
        known = Logged(name, table, [f"{name}.key_no = ?"], [number])
        query.logged.append(known)
    if entry.kind == "metric":
        known.clauses.append(f"{name}.is_nan = {phase}")
    if phase == 1:
        return [Term("1", "constant"), Term(nothing, "constant value")]
    return [Term("0", "constant"), Term(f"{name}.value", "value", entry.descending)]


def _joined_terms(st: Statements, query: Query, entry: Order, name: str) -> list[Term]:
    table, number = TABLES[entry.kind], keys.known_number(st, entry.key)
    query.join(f"LEFT JOIN {table} {name} ON {name}.run_no = r.no AND {name}.key_no = ?", [number])
    nothing = "0.0" if entry.kind == "metric" else "''"
    rank = f"CASE WHEN {name}.run_no IS NULL THEN 2 ELSE {f'{name}.is_nan' if entry.kind == 'metric' else '0'} END"
    return [Term(rank, "rank"), Term(f"coalesce({name}.value, {nothing})", "value", entry.descending)]
