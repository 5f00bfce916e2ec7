"""Queries on the logged models themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

COLUMNS = ("id", "experiment_id", "name", "source_run_id", "status", "status_message", "model_type", "lifecycle",
           "created_at", "updated_at")
_LIST = ", ".join(COLUMNS)


class LoggedModel(NamedTuple):
    """One logged model; times are milliseconds since 1970, texts that nobody gave are empty.

    ``status`` is UNSPECIFIED, PENDING, READY or FAILED, ``lifecycle`` active or deleted; ``source_run_id`` is what the
    client says, not a run that is known to exist.
    """

    id: str
    experiment_id: int
    name: str
    source_run_id: str
    status: str
    status_message: str
    model_type: str
    lifecycle: str
    created_at: int
    updated_at: int


def add(st: Statements, model: LoggedModel) -> None:
    """Insert a model."""
    st.modify(f"INSERT INTO logged_model ({_LIST}) VALUES ({marks(len(COLUMNS))})", model)


def get(st: Statements, model_id: str) -> LoggedModel | None:
    """Return one model, deleted or not."""
    row = st.fetch_one(f"SELECT {_LIST} FROM logged_model WHERE id = ?", (model_id,))
    return None if row is None else LoggedModel(*row)


def by_ids(st: Statements, ids: Sequence[str]) -> dict[str, LoggedModel]:
    """Return models by id, deleted ones too; ids that nothing has are left out."""
    found: dict[str, LoggedModel] = {}
    for start in range(0, len(ids), 500):
        part = ids[start:start + 500]
        for row in st.fetch_all(f"SELECT {_LIST} FROM logged_model WHERE id IN ({marks(len(part))})", part):
            found[row[0]] = LoggedModel(*row)
    return found


def change(st: Statements, model: LoggedModel) -> None:
    """Write status, lifecycle and time of change of a model."""
    st.modify("UPDATE logged_model SET status = ?, lifecycle = ?, updated_at = ? WHERE id = ?",
              (model.status, model.lifecycle, model.updated_at, model.id))


def ids_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next ids in order."""
    return [row[0] for row in st.fetch_all("SELECT id FROM logged_model WHERE id > ? ORDER BY id LIMIT ?",
                                           (after, limit))]
