"""Queries on the runs themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

COLUMNS = "no, id, experiment_id, name, user_id, status, lifecycle, start_time, end_time, created_by"


class Run(NamedTuple):
    """One run; times are milliseconds since 1970, ``no`` its number in the tables of what it logs."""

    no: int
    id: str
    experiment_id: int
    name: str
    user_id: str
    status: str
    lifecycle: str
    start_time: int
    end_time: int | None
    created_by: str


def add(st: Statements, run: Run) -> Run:
    """Insert a run (its ``no`` is given here) and return it."""
    number = st.fetch_value(
        "INSERT INTO run (id, experiment_id, name, user_id, status, lifecycle, start_time, end_time, created_by) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING no", run[1:])
    return run._replace(no=int(number))


def get(st: Statements, run_id: str) -> Run | None:
    """Return one run."""
    row = st.fetch_one(f"SELECT {COLUMNS} FROM run WHERE id = ?", (run_id,))
    return None if row is None else Run(*row)


def by_ids(st: Statements, ids: Sequence[str]) -> list[Run]:
    """Return runs by id."""
    found: list[Run] = []
    for start in range(0, len(ids), 500):
        part = ids[start:start + 500]
        found += [Run(*row) for row in st.fetch_all(
            f"SELECT {COLUMNS} FROM run WHERE id IN ({marks(len(part))})", part)]
    return found


def change(st: Statements, run: Run) -> None:
    """Write name, status, lifecycle and end of a run."""
    st.modify("UPDATE run SET name = ?, status = ?, lifecycle = ?, end_time = ? WHERE no = ?",
              (run.name, run.status, run.lifecycle, run.end_time, run.no))


def set_lifecycle(st: Statements, run_no: int, lifecycle: str, deleted_at: int | None) -> None:
    """Mark a run as deleted or active."""
    st.modify("UPDATE run SET lifecycle = ?, deleted_at = ? WHERE no = ?", (lifecycle, deleted_at, run_no))


def set_lifecycle_in(st: Statements, experiment_id: int, lifecycle: str, deleted_at: int | None, now: int) -> None:
    """Mark the runs of an experiment as deleted or active, and as unknown to the ledger in that."""
    before = "active" if lifecycle == "deleted" else "deleted"
    st.modify("INSERT INTO unsealed_run (run_no, since, changes) "
              "SELECT no, ?, 1 FROM run WHERE experiment_id = ? AND lifecycle = ? "
              "ON CONFLICT (run_no) DO UPDATE SET changes = unsealed_run.changes + 1", (now, experiment_id, before))
    st.modify("UPDATE run SET lifecycle = ?, deleted_at = ? WHERE experiment_id = ? AND lifecycle = ?",
              (lifecycle, deleted_at, experiment_id, before))


def count_by_experiment(st: Statements, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Return number of active runs and newest start by experiment."""
    if not ids:
        return {}
    return {row[0]: (row[1], row[2]) for row in st.fetch_all(
        "SELECT experiment_id, count(*), max(start_time) FROM run "
        f"WHERE lifecycle = 'active' AND experiment_id IN ({marks(len(ids))}) GROUP BY experiment_id", ids)}


def mark_unsealed(st: Statements, run_no: int, now: int) -> None:
    """Note that a run has content of which the ledger does not know yet."""
    st.modify("INSERT INTO unsealed_run (run_no, since, changes) VALUES (?, ?, 1) "
              "ON CONFLICT (run_no) DO UPDATE SET changes = unsealed_run.changes + 1", (run_no, now))


def unsealed(st: Statements, *, now: int, open_before: int, limit: int) -> list[tuple[str, str]]:
    """Return runs of whose content the ledger does not know, as (id, status): ended ones at once, open ones only
    when their first change is older than ``open_before``, and none that waits for a moment after ``now``."""
    return [(row[0], row[1]) for row in st.fetch_all(
        "SELECT r.id, r.status FROM unsealed_run u JOIN run r ON r.no = u.run_no "
        "WHERE u.since < ? OR (u.since <= ? AND r.status IN ('FINISHED', 'FAILED', 'KILLED')) ORDER BY u.since LIMIT ?",
        (open_before, now, limit))]


def put_off(st: Statements, run_id: str, until: int) -> None:
    """Let the changes of a run wait until a moment."""
    st.modify("UPDATE unsealed_run SET since = ? WHERE run_no = (SELECT no FROM run WHERE id = ?)", (until, run_id))


def mark_sealed(st: Statements, run_no: int, changes: int, now: int) -> None:
    """Note that the ledger knows the content of a run as it was after so many changes."""
    if not st.modify("DELETE FROM unsealed_run WHERE run_no = ? AND changes = ?", (run_no, changes)):
        st.modify("UPDATE unsealed_run SET since = ? WHERE run_no = ?", (now, run_no))


def changes_of(st: Statements, run_no: int) -> int:
    """Return how many changes of a run wait for their event."""
    return int(st.fetch_value("SELECT changes FROM unsealed_run WHERE run_no = ?", (run_no,)) or 0)


def ids_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next ids of runs in order."""
    return [row[0] for row in st.fetch_all("SELECT id FROM run WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]


def has_evidence(st: Statements, experiment_id: int) -> bool:
    """Tell whether an experiment holds runs that trainings of services made."""
    return st.fetch_value("SELECT 1 FROM run WHERE experiment_id = ? AND created_by LIKE 'job:%' LIMIT 1",
                          (experiment_id,)) is not None
