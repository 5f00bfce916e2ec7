"""Every query on logged models."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks


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


def link(st: Statements, run_id: str, role: str, models: Iterable[tuple[str, int]]) -> None:
    """Note that a run used ("input") or made ("output") models, given as (id, step)."""
    st.modify_many("INSERT INTO run_model (run_id, role, model_id, step) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT (run_id, role, model_id) DO UPDATE SET step = excluded.step",
                   [(run_id, role, model_id, step) for model_id, step in models])


def links_of(st: Statements, run_ids: Sequence[str]) -> dict[str, list[tuple[str, str, int]]]:
    """Return the models that runs used and made, by run: (role, model id, step)."""
    found: dict[str, list[tuple[str, str, int]]] = {}
    for start in range(0, len(run_ids), 500):
        part = run_ids[start:start + 500]
        for run_id, role, model_id, step in st.fetch_all(
                f"SELECT run_id, role, model_id, step FROM run_model WHERE run_id IN ({marks(len(part))}) "
                "ORDER BY run_id, role, step, model_id", part):
            found.setdefault(run_id, []).append((role, model_id, step))
    return found
