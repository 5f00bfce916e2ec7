"""Queries that bring whole runs and many points from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

from stellwerk.features.runs.repository import keys
from stellwerk.features.runs.repository.content import NEWER
from stellwerk.features.runs.repository.runs import Run
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

_CONTENT = ("param", "run_tag", "run_input", "run_input_tag")
_POINT = ("INSERT INTO metric (run_no, key_no, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
          "ON CONFLICT DO NOTHING")
# One statement for all points of a metric, where each statement is a way to the server and back.
_POINT_COLUMNS = ("INSERT INTO metric (run_no, key_no, timestamp, step, value, is_nan) "
                  "SELECT ?::bigint, ?::bigint, p.* "
                  "FROM unnest(?::bigint[], ?::bigint[], ?::float8[], ?::smallint[]) AS p ON CONFLICT DO NOTHING")
_LATEST = ("INSERT INTO latest_metric (run_no, key_no, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
           "ON CONFLICT (run_no, key_no) DO UPDATE SET timestamp = excluded.timestamp, step = excluded.step, "
           f"value = excluded.value, is_nan = excluded.is_nan WHERE {NEWER}")


def put(st: Statements, rows: Iterable[tuple[Run, int | None]]) -> None:
    """Insert runs, given with the moment of their deletion, or set all of those that are there but their points."""
    st.modify_many(
        "INSERT INTO run (id, experiment_id, name, user_id, status, lifecycle, start_time, end_time, created_by, "
        f"deleted_at) VALUES ({marks(10)}) ON CONFLICT (id) DO UPDATE SET name = excluded.name, "
        "user_id = excluded.user_id, status = excluded.status, lifecycle = excluded.lifecycle, "
        "start_time = excluded.start_time, end_time = excluded.end_time, deleted_at = excluded.deleted_at",
        [(*run[1:], deleted_at) for run, deleted_at in rows])


def clear(st: Statements, run_nos: Sequence[int]) -> None:
    """Remove params, tags and inputs of runs, which come anew."""
    for start in range(0, len(run_nos), 500):
        part = run_nos[start:start + 500]
        for table in _CONTENT:
            st.modify(f"DELETE FROM {table} WHERE run_no IN ({marks(len(part))})", part)


def add_params(st: Statements, rows: Iterable[tuple[int, str, str]]) -> None:
    """Insert params, given as (run number, key, value)."""
    st.modify_many("INSERT INTO param (run_no, key_no, value) VALUES (?, ?, ?)",
                   [(run_no, keys.number_of(st, key), value) for run_no, key, value in rows])


def add_tags(st: Statements, rows: Iterable[tuple[int, str, str]]) -> None:
    """Insert tags, given as (run number, key, value)."""
    st.modify_many("INSERT INTO run_tag (run_no, key_no, value) VALUES (?, ?, ?)",
                   [(run_no, keys.number_of(st, key), value) for run_no, key, value in rows])


def hold(st: Statements, run_nos: Iterable[int], until: int) -> None:
    """Note that runs are arriving: their event is written when they are complete, or after a moment."""
    st.modify_many("INSERT INTO unsealed_run (run_no, since, changes) VALUES (?, ?, 1) "
                   "ON CONFLICT (run_no) DO UPDATE SET since = excluded.since, changes = unsealed_run.changes + 1",
                   [(run_no, until) for run_no in run_nos])


def add_columns(st: Statements, run_no: int, key: str, timestamps: Sequence[int], steps: Sequence[int],
                values: Sequence[float], nans: Sequence[int]) -> None:
    """Insert points of one metric, given as columns, and keep its latest right."""
    number = keys.number_of(st, key)
    if st.postgres:
        st.modify(_POINT_COLUMNS, (run_no, number, list(timestamps), list(steps), list(values), list(nans)))
    else:
        st.modify_many(_POINT, zip(repeat(run_no), repeat(number), timestamps, steps, values, nans, strict=False))
    step, timestamp, value, is_nan = max(zip(steps, timestamps, values, nans, strict=True))
    st.modify(_LATEST, (run_no, number, timestamp, step, value, is_nan))


def series(st: Statements, run_no: int) -> list[tuple[str, int]]:
    """Return the metrics of a run as (key, number), ordered by key."""
    rows = st.fetch_all("SELECT key_no FROM latest_metric WHERE run_no = ?", (run_no,))
    names = keys.names_of(st, [row[0] for row in rows])
    return sorted((name, number) for number, name in names.items())


def stream_series(st: Statements, run_no: int, key_no: int) -> Iterator[tuple[int, int, float, int]]:
    """Yield the points of one metric in order: (timestamp, step, value, is NaN)."""
    yield from st.stream("SELECT timestamp, step, value, is_nan FROM metric WHERE run_no = ? AND key_no = ? "
                         "ORDER BY timestamp, step, value, is_nan", (run_no, key_no))
