"""Rows of a table of runs: which page a view shows, the cells of its columns, its groups, and its file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from stellwerk.features import runs
from stellwerk.features.tracking_pages.columns import PARENT_TAG, RunColumn, usual_columns
from stellwerk.features.tracking_pages.figures import plain
from stellwerk.features.tracking_pages.times import iso_ms, seconds_between
from stellwerk.features.tracking_pages.view import View, group_metrics
from stellwerk.infra.installation import Installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.protocols.mlflow import paging
from stellwerk.protocols.mlflow.search import Order

SIZE = 100
# So many of the newest runs tell which keys there are.
SAMPLE = 1000
_LOOK = 200
_BATCH = 1000


@dataclass(frozen=True)
class Row:
    """One run and the values of its columns by name; an absent one is left out."""

    run: runs.Run
    cells: dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A page of runs or of groups, with what leads on and back."""

    columns: list[RunColumn]
    total: int
    rows: list[Row] = field(default_factory=list)
    groups: list[runs.overview.Group] = field(default_factory=list)
    metrics: list[RunColumn] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    next_url: str | None = None
    previous_url: str | None = None


def read_table(st: Statements, view: View) -> Table:
    """Return what a view shows; raises BadInput for a filter that is none and a page of another view."""
    scope = view.scope()
    columns = columns_of(st, view)
    total = runs.overview.count(st, scope)
    if view.group is not None:
        return _groups(st, view, scope, columns, total)
    order = _order(view)
    position = paging.read_token(view.page, view.mark(), _kinds(order))
    found, places = runs.overview.page(st, scope, order, position, SIZE + 1, backwards=view.back)
    more = len(found) > SIZE
    # The surplus row tells that there is more; backwards it is the first one.
    kept, places = (found[-SIZE:], places[-SIZE:]) if view.back else (found[:SIZE], places[:SIZE])
    after = more or position is not None if view.back else more
    before = more if view.back else position is not None
    return Table(columns, total, rows=rows_of(st, kept, columns), names=_parents(st, kept, columns),
                 next_url=_turn(view, places[-1], at=view.at + len(kept)) if after and kept else None,
                 previous_url=_turn(view, places[0], back=True, at=max(0, view.at - SIZE)) if before and kept else None)


def columns_of(st: Statements, view: View) -> list[RunColumn]:
    """Return the columns of a view: those chosen, else the usual ones and the one that orders."""
    if view.columns:
        return list(view.columns)
    columns = usual_columns(runs.overview.keys_used(st, view.scope(), _LOOK))
    ordering = view.order_column
    if ordering is not None and ordering not in columns and ordering.name != "run_name":
        columns.append(ordering)
    return columns


def _order(view: View) -> list[Order]:
    column = view.order_column
    assert column is not None
    # By start is what every order ends with.
    return [] if view.order_text == "-start_time" else [column.order(view.descending)]


def _kinds(order: Sequence[Order]) -> tuple[type | tuple[type, ...], ...]:
    return runs.overview.token_kinds(order)


def _turn(view: View, place: Sequence[Any], *, at: int, back: bool = False) -> str:
    return view.url(page=paging.make_token(view.mark(), list(place)), back=back, at=at)


def rows_of(st: Statements, found: Sequence[runs.Run], columns: Sequence[RunColumn]) -> list[Row]:
    """Return runs with the values of columns."""
    wanted: dict[str, list[str]] = {}
    for column in columns:
        if column.kind != "attribute":
            wanted.setdefault(column.kind, []).append(column.key)
    cells = runs.overview.cells(st, [run.no for run in found], wanted)
    rows = []
    for run in found:
        values = {}
        for column in columns:
            value = attribute(run, column.key) if column.kind == "attribute" else cells[column.kind, column.key].get(
                run.no)
            if value is not None:
                values[column.name] = value
        rows.append(Row(run, values))
    return rows


def attribute(run: runs.Run, key: str) -> Any:
    """Return an attribute of a run: times in ISO form, the duration in seconds."""
    if key in ("start_time", "end_time"):
        return iso_ms(getattr(run, key))
    if key == "duration":
        return seconds_between(run.start_time, run.end_time)
    return {"run_id": run.id, "run_name": run.name}.get(key) or getattr(run, key, None)


def _parents(st: Statements, found: Sequence[runs.Run], columns: Sequence[RunColumn]) -> dict[str, str]:
    """Return the names of parent runs where a column shows them; they are of the same experiment or unnamed."""
    if RunColumn("tag", PARENT_TAG) not in columns or not found:
        return {}
    cells = runs.overview.cells(st, [run.no for run in found], {"tag": [PARENT_TAG]})
    ids = sorted(set(cells["tag", PARENT_TAG].values()))
    return runs.overview.names(st, found[0].experiment_id, ids)


def _groups(st: Statements, view: View, scope: runs.overview.Scope, columns: list[RunColumn], total: int) -> Table:
    assert view.group is not None
    metrics = group_metrics(view, columns)
    ordering = view.order_column
    by: int | str = view.order_name if ordering is None else metrics.index(ordering)
    found = runs.overview.groups(st, scope, view.group.kind, view.group.key, [one.key for one in metrics], by=by,
                                 descending=view.descending, offset=view.at, limit=SIZE + 1)
    kept = found[:SIZE]
    names = {}
    if (view.group.kind, view.group.key) == ("tag", PARENT_TAG):
        names = runs.overview.names(st, view.experiment_id, [group.value for group in kept if group.value])
    # A page of groups begins after so many of them: every page counts all of them anyway.
    return Table(columns, total, groups=kept, metrics=metrics, names=names,
                 next_url=view.url(page="groups", at=view.at + SIZE) if len(found) > SIZE else None,
                 previous_url=view.url(page="groups" if view.at > SIZE else "", at=max(0, view.at - SIZE))
                 if view.at else None)


def file_rows(installation: Installation, view: View, columns: Sequence[RunColumn]) -> Iterator[list[Any]]:
    """Yield head and rows of the whole view, page by page, each page read in a moment of its own."""
    yield ["run_id", "run_name", *(column.name for column in columns)]
    scope, order, position = view.scope(), _order(view), None
    while True:
        def read(st: Statements, behind: Sequence[Any] | None = position) -> tuple[list[Row], list[Any]]:
            found, places = runs.overview.page(st, scope, order, behind, _BATCH)
            return rows_of(st, found, columns), places

        rows, places = installation.tracking.read(read)
        for row in rows:
            yield [row.run.id, row.run.name, *(_plain(row.cells.get(column.name), column) for column in columns)]
        if len(rows) < _BATCH:
            return
        position = places[-1]


def _plain(value: Any, column: RunColumn) -> Any:
    return plain(value) if column.numeric and value is not None else value
