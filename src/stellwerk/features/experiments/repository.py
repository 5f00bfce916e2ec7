"""Every query on experiments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from stellwerk.features.experiments import where
from stellwerk.features.experiments.where import order_terms
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks
from stellwerk.protocols.mlflow.search import Comparison, Order

_COLUMNS = "id, name, team, lifecycle, created_at, updated_at"


class Experiment(NamedTuple):
    """One experiment; times are milliseconds since 1970, a team of None means shared by all."""

    id: int
    name: str
    team: str | None
    lifecycle: str
    created_at: int
    updated_at: int


def add(st: Statements, experiment: Experiment) -> None:
    """Insert an experiment."""
    st.modify(f"INSERT INTO experiment ({_COLUMNS}) VALUES ({marks(6)})", experiment)


def next_id(st: Statements) -> int:
    """Return the id that the next experiment gets; call it inside the transaction that uses it."""
    if st.postgres:
        st.modify("LOCK TABLE experiment IN SHARE ROW EXCLUSIVE MODE")
    return int(st.fetch_value("SELECT coalesce(max(id), 0) + 1 FROM experiment"))


def get(st: Statements, experiment_id: int) -> Experiment | None:
    """Return one experiment."""
    row = st.fetch_one(f"SELECT {_COLUMNS} FROM experiment WHERE id = ?", (experiment_id,))
    return None if row is None else Experiment(*row)


def by_name(st: Statements, name: str) -> Experiment | None:
    """Return the experiment of a name, deleted or not."""
    row = st.fetch_one(f"SELECT {_COLUMNS} FROM experiment WHERE name = ?", (name,))
    return None if row is None else Experiment(*row)


def by_ids(st: Statements, ids: Sequence[int]) -> list[Experiment]:
    """Return the experiments of the ids, ordered by id."""
    found: list[Experiment] = []
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), 500):
        part = wanted[start:start + 500]
        found += [Experiment(*row) for row in st.fetch_all(
            f"SELECT {_COLUMNS} FROM experiment WHERE id IN ({marks(len(part))}) ORDER BY id", part)]
    return found


def change(st: Statements, experiment_id: int, *, now: int, name: str | None = None,
           lifecycle: str | None = None) -> None:
    """Set name or lifecycle of an experiment."""
    st.modify("UPDATE experiment SET name = coalesce(?, name), lifecycle = coalesce(?, lifecycle), updated_at = ? "
              "WHERE id = ?", (name, lifecycle, now, experiment_id))


def set_tags(st: Statements, experiment_id: int, tags: Iterable[tuple[str, str]]) -> None:
    """Set tags of an experiment."""
    st.modify_many("INSERT INTO experiment_tag (experiment_id, key, value) VALUES (?, ?, ?) "
                   "ON CONFLICT (experiment_id, key) DO UPDATE SET value = excluded.value",
                   [(experiment_id, key, value) for key, value in tags])


def delete_tag(st: Statements, experiment_id: int, key: str) -> int:
    """Remove a tag; returns how many were removed."""
    return st.modify("DELETE FROM experiment_tag WHERE experiment_id = ? AND key = ?", (experiment_id, key))


def tags_of(st: Statements, ids: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    """Return the tags of experiments by id."""
    found: dict[int, list[tuple[str, str]]] = {one: [] for one in ids}
    for start in range(0, len(ids), 500):
        part = ids[start:start + 500]
        for experiment_id, key, value in st.fetch_all(
                f"SELECT experiment_id, key, value FROM experiment_tag WHERE experiment_id IN ({marks(len(part))}) "
                "ORDER BY experiment_id, key", part):
            found[experiment_id].append((key, value))
    return found


def search(st: Statements, *, teams: frozenset[str] | None, stages: Sequence[str], filters: Sequence[Comparison],
           order: Sequence[Order], after: list[Any] | None, limit: int) -> list[Experiment]:
    """Return a page of experiments that the teams may see (None: all), after the position of the last page."""
    clauses, parameters = where.stages_and_team(stages, teams)
    for comparison in filters:
        clause, values = where.of_comparison(comparison, postgres=st.postgres)
        clauses.append(clause)
        parameters.extend(values)
    terms = order_terms(order)
    if after is not None:
        clause, values = where.after(terms, after)
        clauses.append(clause)
        parameters.extend(values)
    rows = st.fetch_all(f"SELECT {_COLUMNS} FROM experiment WHERE {' AND '.join(clauses)} "
                        f"ORDER BY {where.order_sql(terms)} LIMIT ?", (*parameters, limit))
    return [Experiment(*row) for row in rows]


def position_of(experiment: Experiment, order: Sequence[Order]) -> list[Any]:
    """Return where an experiment stands in an order, for the next page to start from."""
    return [getattr(experiment, term.column) for term in order_terms(order)]


def visible_ids(st: Statements, teams: frozenset[str] | None, stages: Sequence[str]) -> list[int]:
    """Return the ids of all experiments that the teams may see."""
    clauses, parameters = where.stages_and_team(stages, teams)
    return [int(row[0]) for row in st.fetch_all(
        f"SELECT id FROM experiment WHERE {' AND '.join(clauses)} ORDER BY id", parameters)]


def ids_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next ids of experiments as texts, in the order of numbers; 0 was always there and is left out."""
    return [str(row[0]) for row in st.fetch_all("SELECT id FROM experiment WHERE id > ? ORDER BY id LIMIT ?",
                                                (int(after or 0), limit))]
