"""Queries that bring whole logged models from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from stellwerk.features.logged_models.repository.models import COLUMNS, LoggedModel
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

_SET = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[2:])


def put(st: Statements, model: LoggedModel) -> None:
    """Insert a model, or set all of one that is there but its experiment."""
    st.modify(f"INSERT INTO logged_model ({', '.join(COLUMNS)}) VALUES ({marks(len(COLUMNS))}) "
              f"ON CONFLICT (id) DO UPDATE SET {_SET}", model)


def clear(st: Statements, model_id: str) -> None:
    """Remove params and tags of a model, which come anew."""
    for table in ("logged_model_param", "logged_model_tag"):
        st.modify(f"DELETE FROM {table} WHERE model_id = ?", (model_id,))


def unlink(st: Statements, run_ids: Sequence[str]) -> None:
    """Remove what is noted of the models that runs used and made."""
    for start in range(0, len(run_ids), 500):
        part = run_ids[start:start + 500]
        st.modify(f"DELETE FROM run_model WHERE run_id IN ({marks(len(part))})", part)


def link_many(st: Statements, rows: Sequence[tuple[str, str, str, int]]) -> None:
    """Note models that runs used and made, given as (run, role, model, step)."""
    st.modify_many("INSERT INTO run_model (run_id, role, model_id, step) VALUES (?, ?, ?, ?) "
                   "ON CONFLICT (run_id, role, model_id) DO UPDATE SET step = excluded.step", rows)
