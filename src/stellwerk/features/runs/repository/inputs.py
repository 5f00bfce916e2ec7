"""Queries on the data sets that runs used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks


class UsedDataset(NamedTuple):
    """A data set as a client described it."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None
    profile: str | None


def add(st: Statements, run_no: int, experiment_id: int, used: UsedDataset, tags: Iterable[tuple[str, str]]) -> None:
    """Note that a run used a data set, with tags such as its context."""
    number = st.fetch_value("SELECT no FROM dataset WHERE experiment_id = ? AND name = ? AND digest = ?",
                            (experiment_id, used.name, used.digest))
    if number is None:
        number = st.fetch_value(
            "INSERT INTO dataset (experiment_id, name, digest, source_type, source, schema, profile) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING no", (experiment_id, *used))
    st.modify("INSERT INTO run_input (run_no, dataset_no) VALUES (?, ?) ON CONFLICT DO NOTHING", (run_no, number))
    st.modify_many("INSERT INTO run_input_tag (run_no, dataset_no, name, value) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT DO NOTHING", [(run_no, number, name, value) for name, value in tags])


def extent(st: Statements, run_no: int) -> tuple[int, int]:
    """Return how many data sets a run notes, and how many characters their descriptions have together."""
    row = st.fetch_one(
        "SELECT count(*), coalesce(sum(length(d.source) + coalesce(length(d.schema), 0) + "
        "coalesce(length(d.profile), 0)), 0) FROM run_input i JOIN dataset d ON d.no = i.dataset_no "
        "WHERE i.run_no = ?", (run_no,))
    assert row is not None
    return int(row[0]), int(row[1])


def inputs_of(st: Statements, run_nos: Sequence[int]) -> dict[int, list[tuple[UsedDataset, list[tuple[str, str]]]]]:
    """Return the data sets that runs used, by run, each with its tags."""
    found: dict[int, list[tuple[UsedDataset, list[tuple[str, str]]]]] = {}
    for start in range(0, len(run_nos), 500):
        part = run_nos[start:start + 500]
        rows = st.fetch_all(
            "SELECT i.run_no, i.dataset_no, d.name, d.digest, d.source_type, d.source, d.schema, d.profile "
            f"FROM run_input i JOIN dataset d ON d.no = i.dataset_no WHERE i.run_no IN ({marks(len(part))}) "
            "ORDER BY i.run_no, i.dataset_no", part)
        if not rows:
            continue
        tags: dict[tuple[int, int], list[tuple[str, str]]] = {}
        for run_no, dataset_no, name, value in st.fetch_all(
                f"SELECT run_no, dataset_no, name, value FROM run_input_tag WHERE run_no IN ({marks(len(part))}) "
                "ORDER BY run_no, dataset_no, name", part):
            tags.setdefault((run_no, dataset_no), []).append((name, value))
        for row in rows:
            found.setdefault(row[0], []).append((UsedDataset(*row[2:]), tags.get((row[0], row[1]), [])))
    return found


def summaries(st: Statements, experiment_ids: Sequence[int], limit: int) -> list[tuple[Any, ...]]:
    """Return the distinct data sets of experiments: (experiment id, name, digest, context)."""
    if not experiment_ids:
        return []
    return st.fetch_all(
        "SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value FROM dataset d "
        "JOIN run_input i ON i.dataset_no = d.no LEFT JOIN run_input_tag t ON t.run_no = i.run_no "
        "AND t.dataset_no = i.dataset_no AND t.name = 'mlflow.data.context' "
        f"WHERE d.experiment_id IN ({marks(len(experiment_ids))}) ORDER BY 1, 2, 3, 4 LIMIT ?",
        (*experiment_ids, limit))
