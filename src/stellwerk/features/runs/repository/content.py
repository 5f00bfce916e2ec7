"""Queries on what runs log: metrics, params, tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from stellwerk.features.runs.repository import keys
from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks


class Point(NamedTuple):
    """One point of a metric; a NaN has value 0 and the mark 1, time is milliseconds since 1970."""

    key: str
    timestamp: int
    step: int
    value: float
    is_nan: int


NEWER = ("(excluded.step, excluded.timestamp, excluded.value) > "
          "(latest_metric.step, latest_metric.timestamp, latest_metric.value)")


def add_points(st: Statements, run_no: int, points: Sequence[Point]) -> None:
    """Insert points and keep the latest of each metric: the one of the highest step, then time, then value."""
    latest: dict[str, Point] = {}
    for point in points:
        known = latest.get(point.key)
        if known is None or (point.step, point.timestamp, point.value) >= (known.step, known.timestamp, known.value):
            latest[point.key] = point
    numbers = {key: keys.number_of(st, key) for key in latest}
    insert = ("INSERT INTO metric (run_no, key_no, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
              "ON CONFLICT DO NOTHING")
    upsert = ("INSERT INTO latest_metric (run_no, key_no, timestamp, step, value, is_nan) VALUES (?, ?, ?, ?, ?, ?) "
              "ON CONFLICT (run_no, key_no) DO UPDATE SET timestamp = excluded.timestamp, step = excluded.step, "
              f"value = excluded.value, is_nan = excluded.is_nan WHERE {NEWER}")
    if len(points) == 1:
        only = points[0]
        row = (run_no, numbers[only.key], *only[1:])
        st.modify(insert, row)
        st.modify(upsert, row)
        return
    st.modify_many(insert, [(run_no, numbers[point.key], *point[1:]) for point in points])
    st.modify_many(upsert, [(run_no, numbers[key], *point[1:]) for key, point in latest.items()])


def params_of(st: Statements, run_no: int, names: Sequence[str]) -> dict[str, str]:
    """Return the values of some params of a run, by name; those not logged are left out."""
    numbers = {keys.known_number(st, name): name for name in names}
    return {numbers[row[0]]: row[1] for row in st.fetch_all(
        f"SELECT key_no, value FROM param WHERE run_no = ? AND key_no IN ({marks(len(numbers))})",
        (run_no, *numbers))}


def add_params(st: Statements, run_no: int, params: Iterable[tuple[str, str]]) -> None:
    """Insert params that the run does not have yet."""
    st.modify_many("INSERT INTO param (run_no, key_no, value) VALUES (?, ?, ?)",
                   [(run_no, keys.number_of(st, key), value) for key, value in params])


def set_tags(st: Statements, run_no: int, tags: Iterable[tuple[str, str]]) -> None:
    """Set tags of a run."""
    st.modify_many("INSERT INTO run_tag (run_no, key_no, value) VALUES (?, ?, ?) "
                   "ON CONFLICT (run_no, key_no) DO UPDATE SET value = excluded.value",
                   [(run_no, keys.number_of(st, key), value) for key, value in tags])


def delete_tag(st: Statements, run_no: int, key: str) -> int:
    """Remove a tag; returns how many were removed."""
    return st.modify("DELETE FROM run_tag WHERE run_no = ? AND key_no = ?", (run_no, keys.known_number(st, key)))


def tag(st: Statements, run_no: int, key: str) -> str | None:
    """Return the value of one tag of a run."""
    value: str | None = st.fetch_value("SELECT value FROM run_tag WHERE run_no = ? AND key_no = ?",
                                       (run_no, keys.known_number(st, key)))
    return value


_COLUMNS = {"latest_metric": "value, timestamp, step, is_nan", "param": "value", "run_tag": "value"}


def rows_of(st: Statements, table: str, run_nos: Sequence[int]) -> tuple[list[tuple[Any, ...]], dict[int, str]]:
    """Return the rows of "latest_metric", "param" or "run_tag" of runs, ordered by run and number of the key, and the
    keys behind the numbers."""
    rows: list[tuple[Any, ...]] = []
    for start in range(0, len(run_nos), 500):
        part = run_nos[start:start + 500]
        rows += st.fetch_all(f"SELECT run_no, key_no, {_COLUMNS[table]} FROM {table} "
                             f"WHERE run_no IN ({marks(len(part))}) ORDER BY run_no, key_no", part)
    return rows, keys.names_of(st, list({row[1] for row in rows}))


def _by_run(st: Statements, table: str, run_nos: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {number: [] for number in run_nos}
    rows, names = rows_of(st, table, run_nos)
    for row in rows:
        found[row[0]].append((names[row[1]], *row[2:]))
    for content in found.values():
        content.sort()
    return found


def latest_of(st: Statements, run_nos: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
    """Return the latest point of each metric by run: (key, value, timestamp, step, is NaN)."""
    return _by_run(st, "latest_metric", run_nos)


def all_params_of(st: Statements, run_nos: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
    """Return the params by run: (key, value)."""
    return _by_run(st, "param", run_nos)


def tags_of(st: Statements, run_nos: Sequence[int]) -> dict[int, list[tuple[Any, ...]]]:
    """Return the tags by run: (key, value)."""
    return _by_run(st, "run_tag", run_nos)


def history(st: Statements, run_no: int, key: str, *, after: Sequence[Any] | None = None,
            limit: int | None = None) -> list[tuple[Any, ...]]:
    """Return the points of a metric in order of time, step and value: (timestamp, step, value, is NaN)."""
    sql = "SELECT timestamp, step, value, is_nan FROM metric WHERE run_no = ? AND key_no = ?"
    parameters: list[Any] = [run_no, keys.known_number(st, key)]
    if after is not None:
        sql += " AND (timestamp, step, value, is_nan) > (?, ?, ?, ?)"
        parameters += after
    sql += " ORDER BY timestamp, step, value, is_nan"
    if limit is not None:
        sql += " LIMIT ?"
        parameters.append(limit)
    return st.fetch_all(sql, parameters)


def history_by_step(st: Statements, run_no: int, key: str, first: int | None, last: int | None,
                    limit: int) -> list[tuple[Any, ...]]:
    """Return points between two steps in order of step, thinned evenly to at most ``limit``, both ends kept."""
    where, parameters = "run_no = ? AND key_no = ?", [run_no, keys.known_number(st, key)]
    if first is not None and last is not None:
        where += " AND step BETWEEN ? AND ?"
        parameters += [first, last]
    rows = st.fetch_all(
        "SELECT timestamp, step, value, is_nan FROM (SELECT timestamp, step, value, is_nan, "
        "row_number() OVER (PARTITION BY part ORDER BY step, timestamp, value, is_nan) AS place, "
        "row_number() OVER (ORDER BY step DESC, timestamp DESC, value DESC, is_nan DESC) AS from_end FROM ("
        "SELECT timestamp, step, value, is_nan, ntile(?) OVER (ORDER BY step, timestamp, value, is_nan) AS part "
        f"FROM metric WHERE {where}) parted) placed WHERE place = 1 OR from_end = 1 "
        "ORDER BY step, timestamp, value, is_nan", (limit, *parameters))
    # The end stands for the last part where both would be one too many.
    return rows if len(rows) <= limit else [*rows[:limit - 1], rows[-1]]


def stream_points(st: Statements, run_no: int) -> Iterator[tuple[Any, ...]]:
    """Yield all points of a run in a fixed order: (key, timestamp, step, value, is NaN)."""
    return st.stream("SELECT k.name, m.timestamp, m.step, m.value, m.is_nan FROM metric m "
                     "JOIN key k ON k.no = m.key_no WHERE m.run_no = ? "
                     "ORDER BY m.key_no, m.timestamp, m.step, m.value, m.is_nan", (run_no,))
