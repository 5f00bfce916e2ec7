"""Queries on what logged models hold: params, tags, points of metrics, and the runs that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

_PART = 500


class ModelPoint(NamedTuple):
    """One point of a metric of a logged model; empty texts where it speaks of no data set."""

    model_id: str
    key: str
    timestamp: int
    step: int
    run_id: str
    value: float
    is_nan: int
    dataset_name: str
    dataset_digest: str


def add_points(st: Statements, points: Iterable[ModelPoint]) -> None:
    """Insert points; the same point again changes nothing."""
    st.modify_many("INSERT INTO logged_model_metric (model_id, key, timestamp, step, run_id, value, is_nan, "
                   f"dataset_name, dataset_digest) VALUES ({marks(9)}) ON CONFLICT DO NOTHING", points)


def points_of(st: Statements, ids: Sequence[str]) -> dict[str, list[ModelPoint]]:
    """Return all points of models by id, in order of key, time and step."""
    found: dict[str, list[ModelPoint]] = {one: [] for one in ids}
    for start in range(0, len(ids), _PART):
        part = ids[start:start + _PART]
        for row in st.fetch_all(
                "SELECT model_id, key, timestamp, step, run_id, value, is_nan, dataset_name, dataset_digest "
                f"FROM logged_model_metric WHERE model_id IN ({marks(len(part))}) "
                "ORDER BY model_id, key, timestamp, step, run_id, dataset_name, dataset_digest, value", part):
            found[row[0]].append(ModelPoint(*row))
    return found


def count_points(st: Statements, ids: Sequence[str]) -> dict[str, int]:
    """Return how many points each model has."""
    found = dict.fromkeys(ids, 0)
    for start in range(0, len(ids), _PART):
        part = ids[start:start + _PART]
        found.update((row[0], row[1]) for row in st.fetch_all(
            f"SELECT model_id, count(*) FROM logged_model_metric WHERE model_id IN ({marks(len(part))}) "
            "GROUP BY model_id", part))
    return found


def add_params(st: Statements, model_id: str, params: Iterable[tuple[str, str]]) -> None:
    """Insert params that the model does not have."""
    st.modify_many("INSERT INTO logged_model_param (model_id, key, value) VALUES (?, ?, ?)",
                   [(model_id, key, value) for key, value in params])


def set_tags(st: Statements, model_id: str, tags: Iterable[tuple[str, str]]) -> None:
    """Set tags of a model."""
    st.modify_many("INSERT INTO logged_model_tag (model_id, key, value) VALUES (?, ?, ?) "
                   "ON CONFLICT (model_id, key) DO UPDATE SET value = excluded.value",
                   [(model_id, key, value) for key, value in tags])


def delete_tag(st: Statements, model_id: str, key: str) -> int:
    """Remove a tag; returns how many were removed."""
    return st.modify("DELETE FROM logged_model_tag WHERE model_id = ? AND key = ?", (model_id, key))


def params_of(st: Statements, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the params of models by id, in order of their keys."""
    return _pairs(st, "logged_model_param", ids)


def tags_of(st: Statements, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the tags of models by id, in order of their keys."""
    return _pairs(st, "logged_model_tag", ids)


def _pairs(st: Statements, table: str, ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {one: [] for one in ids}
    for start in range(0, len(ids), _PART):
        part = ids[start:start + _PART]
        for model_id, key, value in st.fetch_all(
                f"SELECT model_id, key, value FROM {table} WHERE model_id IN ({marks(len(part))}) "
                "ORDER BY model_id, key", part):
            found[model_id].append((key, value))
    return found


def link(st: Statements, run_id: str, role: str, models: Iterable[tuple[str, int]]) -> None:
    """Note that a run used ("input") or made ("output") models, given as (id, step)."""
    st.modify_many("INSERT INTO run_model (run_id, role, model_id, step) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT (run_id, role, model_id) DO UPDATE SET step = excluded.step",
                   [(run_id, role, model_id, step) for model_id, step in models])


def links_of(st: Statements, run_ids: Sequence[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Return the models that runs used and made, by run: (role, model id, step)."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    for start in range(0, len(run_ids), _PART):
        part = run_ids[start:start + _PART]
        for run_id, role, model_id, step in st.fetch_all(
                f"SELECT run_id, role, model_id, step FROM run_model WHERE run_id IN ({marks(len(part))}) "
                "ORDER BY run_id, role, step, model_id", part):
            found.setdefault(run_id, []).append((role, model_id, step))
    return found
