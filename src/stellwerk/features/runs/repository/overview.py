"""Queries for tables of many runs: which keys there are, chosen cells, values of a column in order, groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stellwerk.features.runs.repository import keys
from stellwerk.features.runs.repository.content import all_params_of, latest_of, tags_of
from stellwerk.features.runs.repository.inputs import inputs_of
from stellwerk.features.runs.repository.runs import Run, by_ids, count_by_experiment
from stellwerk.features.runs.repository.search import ATTRIBUTES, TABLES, filtered, search, token_kinds
from stellwerk.features.runs.repository.search_query import Query
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks
from stellwerk.protocols.mlflow.search import Comparison, Order

__all__ = ["Group", "History", "KnownKey", "Scope", "Summary", "all_params_of", "cells", "count", "curved_keys",
           "groups", "history", "inputs_of", "keys_used", "last_starts", "latest_of", "metric_in_order", "names",
           "page", "run_counts", "tags_of", "token_kinds", "value_counts"]


class Scope(NamedTuple):
    """Which runs a table is about."""

    experiment_ids: Sequence[int]
    stages: Sequence[str]
    filters: Sequence[Comparison]

    def query(self, st: Statements) -> Query:
        """Return the query of these runs."""
        return filtered(st, self.experiment_ids, self.stages, self.filters)


class KnownKey(NamedTuple):
    """A key that runs use: by how many of those looked at, and whether its values differ there."""

    name: str
    runs: int
    differs: bool


class Summary(NamedTuple):
    """What one metric does in a group of runs; None where no run of the group has it."""

    runs: int
    mean: float | None
    low: float | None
    high: float | None


class History(NamedTuple):
    """Points of a metric in order of step, thinned evenly: (time, step, value, is NaN); number and range of all."""

    points: list[tuple[int, int, float, int]]
    total: int
    low: float | None
    high: float | None


class Group(NamedTuple):
    """Runs with the same value (None: without one), the newest start, and a summary for each metric asked for."""

    value: str | None
    runs: int
    newest: int
    metrics: tuple[Summary, ...]


# Infinity is kept as the largest double; sums would leave the range of what databases count with.
_SUMMABLE = 1e300
# Steps further apart than this cannot be subtracted everywhere.
_COUNTABLE = 2**62


def page(st: Statements, scope: Scope, order: Sequence[Order], position: Sequence[Any] | None, limit: int, *,
         backwards: bool = False) -> tuple[list[Run], list[list[Any]]]:
    """Return a page of runs in the order of reading and the position of each.

    It begins behind ``position``, or ends before it with ``backwards``.
    """
    found, places = search(st, scope.experiment_ids, scope.stages, scope.filters, order, position, limit,
                           backwards=backwards)
    return (found[::-1], places[::-1]) if backwards else (found, places)


def count(st: Statements, scope: Scope) -> int:
    """Return how many runs there are."""
    query = scope.query(st)
    return int(st.fetch_value(f"SELECT count(*) {query.source}", query.all_values))


def last_starts(st: Statements, experiment_ids: Sequence[int]) -> dict[int, int]:
    """Return the newest start among the active runs of each experiment that has any."""
    found: dict[int, int] = {}
    for start in range(0, len(experiment_ids), 500):
        part = experiment_ids[start:start + 500]
        wanted = " UNION ALL ".join(("SELECT CAST(? AS INTEGER) AS id",) * len(part))
        found |= {row[0]: row[1] for row in st.fetch_all(
            "SELECT w.id, (SELECT max(r.start_time) FROM run r WHERE r.experiment_id = w.id "
            f"AND r.lifecycle = 'active') FROM ({wanted}) w", part) if row[1] is not None}
    return found


def run_counts(st: Statements, experiment_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of active runs of each experiment that has any."""
    found: dict[int, int] = {}
    for start in range(0, len(experiment_ids), 500):
        found |= {number: runs for number, (runs, _) in count_by_experiment(
            st, experiment_ids[start:start + 500]).items()}
    return found


def keys_used(st: Statements, scope: Scope, newest: int) -> dict[str, list[KnownKey]]:
    """Return the keys that the newest runs use, by kind, those that most of them have first."""
    query = scope.query(st)
    sample = f"SELECT r.no {query.source} ORDER BY r.start_time DESC, r.id LIMIT ?"
    found: dict[str, list[KnownKey]] = {}
    for kind, table in TABLES.items():
        rows = st.fetch_all(
            f"SELECT t.key_no, count(*), CASE WHEN min(t.value) < max(t.value) THEN 1 ELSE 0 END FROM ({sample}) s "
            f"JOIN {table} t ON t.run_no = s.no GROUP BY t.key_no", (*query.all_values, newest))
        names = keys.names_of(st, [row[0] for row in rows])
        found[kind] = sorted((KnownKey(names[row[0]], row[1], bool(row[2])) for row in rows),
                             key=lambda known: (-known.runs, known.name))
    return found


def names(st: Statements, experiment_id: int, run_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those of the runs that are of the experiment, by id."""
    return {run.id: run.name for run in by_ids(st, run_ids) if run.experiment_id == experiment_id}


def cells(st: Statements, run_nos: Sequence[int], wanted: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], dict[
        int, Any]]:
    """Return values by (kind, key) and run for the keys wanted of each kind; a NaN reads as the float."""
    found: dict[tuple[str, str], dict[int, Any]] = {}
    for kind, names in wanted.items():
        numbers = {keys.known_number(st, name): name for name in names}
        found |= {(kind, name): {} for name in names}
        extra = ", is_nan" if kind == "metric" else ", 0"
        for start in range(0, len(run_nos) if numbers else 0, 500):
            part = run_nos[start:start + 500]
            for run_no, key_no, value, is_nan in st.fetch_all(
                    f"SELECT run_no, key_no, value{extra} FROM {TABLES[kind]} WHERE run_no IN ({marks(len(part))}) "
                    f"AND key_no IN ({marks(len(numbers))})", (*part, *numbers)):
                found[kind, numbers[key_no]][run_no] = float("nan") if is_nan else value
    return found


def curved_keys(st: Statements, run_nos: Sequence[int]) -> dict[str, int]:
    """Return the metrics of which runs logged more than one point, and in how many of the runs."""
    found: dict[str, int] = {}
    for start in range(0, len(run_nos), 500):
        part = run_nos[start:start + 500]
        rows = st.fetch_all(
            "SELECT l.key_no, count(*) FROM latest_metric l WHERE (SELECT count(*) FROM (SELECT 1 FROM metric m WHERE "
            "m.run_no = l.run_no AND m.key_no = l.key_no LIMIT 2) two) = 2 "
            f"AND l.run_no IN ({marks(len(part))}) GROUP BY l.key_no", part)
        known = keys.names_of(st, [row[0] for row in rows])
        for key_no, runs in rows:
            found[known[key_no]] = found.get(known[key_no], 0) + runs
    return found


def history(st: Statements, run_no: int, key: str, limit: int) -> History:
    """Return the history of a metric in a run, thinned to about ``limit`` points with the last one kept."""
    where = "run_no = ? AND key_no = ?"
    values: list[Any] = [run_no, keys.known_number(st, key)]
    total, first, last, low, high = st.fetch_all(
        "SELECT count(*), min(step), max(step), min(CASE WHEN is_nan = 0 THEN value END), "
        f"max(CASE WHEN is_nan = 0 THEN value END) FROM metric WHERE {where}", values)[0]
    rows: list[tuple[int, int, float, int]] = []
    if total > limit and 0 < last - first < _COUNTABLE:
        # Steps mostly stand evenly apart; every n-th of them needs no sorting of all points.
        stride = max(1, round((last - first) / (total - 1))) * -(-total // limit)
        rows = st.fetch_all(f"SELECT timestamp, step, value, is_nan FROM metric WHERE {where} AND ((step - ?) % ? = 0 "
                            "OR step = ?) ORDER BY step, timestamp, value", (*values, first, stride, last))
    if total and not limit // 4 <= len(rows) <= limit * 2:
        rows = st.fetch_all(
            "SELECT timestamp, step, value, is_nan FROM (SELECT timestamp, step, value, is_nan, row_number() OVER "
            f"(ORDER BY step, timestamp, value) AS place FROM metric WHERE {where}) numbered WHERE ? <= ? OR place = 1 "
            "OR place = ? OR (place * ?) / ? <> ((place - 1) * ?) / ? ORDER BY step, timestamp, value",
            (*values, total, limit, total, limit, total, limit, total))
    return History(rows, int(total), low, high)


def metric_in_order(st: Statements, scope: Scope, key: str) -> tuple[list[float], int]:
    """Return the latest values of a metric from the lowest to the highest, and how many runs have NaN there."""
    query = scope.query(st)
    query.join("JOIN latest_metric s ON s.run_no = r.no AND s.key_no = ?", [keys.known_number(st, key)])
    rows = st.fetch_all(f"SELECT s.value, s.is_nan {query.source} ORDER BY s.is_nan, s.value", query.all_values)
    values = [row[0] for row in rows if not row[1]]
    return values, len(rows) - len(values)


def value_counts(st: Statements, scope: Scope, kind: str, key: str, limit: int) -> list[tuple[str, int]]:
    """Return the values of a param or tag and how many runs have each, the most frequent first."""
    query = scope.query(st)
    query.join(f"JOIN {TABLES[kind]} s ON s.run_no = r.no AND s.key_no = ?", [keys.known_number(st, key)])
    return [(row[0], int(row[1])) for row in st.fetch_all(
        f"SELECT s.value, count(*) {query.source} GROUP BY s.value ORDER BY 2 DESC, 1 LIMIT ?",
        (*query.all_values, limit))]


def groups(st: Statements, scope: Scope, kind: str, key: str, metrics: Sequence[str], *, by: int | str,
           descending: bool, offset: int, limit: int) -> list[Group]:
    """Return runs grouped by a param, tag or attribute.

    ``by`` orders them: "value", "runs", "newest", or the place of a metric whose mean counts. Groups without a value
    there stand last.
    """
    query = scope.query(st)
    value = ATTRIBUTES[key] if kind == "attribute" else "g.value"
    if kind != "attribute":
        query.join(f"LEFT JOIN {TABLES[kind]} g ON g.run_no = r.no AND g.key_no = ?", [keys.known_number(st, key)])
    columns = [value, "count(*)", "max(r.start_time)"]
    for place, name in enumerate(metrics):
        # Joined by number, so that text of keys never becomes SQL.
        query.join(f"LEFT JOIN latest_metric m{place} ON m{place}.run_no = r.no AND m{place}.key_no = ? AND "
                   f"m{place}.is_nan = 0 AND m{place}.value BETWEEN {-_SUMMABLE} AND {_SUMMABLE}",
                   [keys.known_number(st, name)])
        columns += [f"{what}(m{place}.value)" for what in ("count", "avg", "min", "max")]
    order = {"value": value, "runs": "count(*)", "newest": "max(r.start_time)"}.get(str(by)) or f"avg(m{by}.value)"
    rows = st.fetch_all(
        f"SELECT {', '.join(columns)} {query.source} GROUP BY {value} ORDER BY CASE WHEN {order} IS NULL THEN 1 ELSE 0 "
        f"END, {order} {'DESC' if descending else 'ASC'}, {value} LIMIT ? OFFSET ?",
        (*query.all_values, limit, offset))
    return [Group(None if row[0] is None else str(row[0]), int(row[1]), int(row[2]),
                  tuple(Summary(int(row[at]), *row[at + 1:at + 4]) for at in range(3, len(row), 4))) for row in rows]
