"""The list of experiments: search, order and page by address."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.features import experiments, runs
from stellwerk.features.tracking_pages.times import iso_ms
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow
from stellwerk.uikit import Column, TableQuery, TableView, Templates
from stellwerk.uikit.tables import csv_response, table_query

pages = page_routes(tag="experiments")
templates = Templates(Path(__file__).parent / "templates")
COLUMNS = (
    Column("name", "Experiment", sortable=True), Column("team", "Team", sortable=True),
    Column("runs", "Runs", numeric=True, sortable=True), Column("last_run", "Last run", sortable=True),
    Column("created", "Made", sortable=True))
STAGES = ("active", "deleted")


class Row(NamedTuple):
    """One experiment with what stands beside it; ``runs`` is None where nobody counted."""

    id: int
    name: str
    team: str
    runs: int | None
    last_run: int
    created: int


class Listing(NamedTuple):
    """A page of experiments, how many fit the search, how many there are, and whether any of them has a run."""

    rows: list[Row]
    fitting: int
    total: int
    begun: bool


@pages.get("/experiments", allow(experiments.READ))
def experiments_page(request: Request, actor: CurrentActor, installation: CurrentInstallation,
                     q: Annotated[str, Query(max_length=500)] = "",
                     stage: Annotated[str, Query(max_length=20)] = "active") -> Response:
    """Show the experiments that the reader sees, the ones with the newest runs first."""
    if stage not in STAGES:
        raise BadInput("Experiments are active or deleted.", field="stage", value=stage, allowed=list(STAGES))
    query = table_query(request, COLUMNS, "-last_run")
    as_csv = request.query_params.get("format") == "csv"
    found = installation.tracking.read(lambda st: _listing(st, actor, query, q, stage, whole=as_csv))
    if as_csv:
        return csv_response((Column("id", "Id"), *COLUMNS), [_plain(row) for row in found.rows], "experiments")
    cells = [{column.key: templates.fragment("experiment_cell.html", column=column.key, row=row, time=iso_ms).strip()
              for column in COLUMNS} for row in found.rows]
    return templates.page(
        request, "experiments.html", title="Experiments", section="runs", stylesheets=["evidence.css", "tracking.css"],
        crumbs=[("Runs", None)], search=q, stage=stage, found=found, sort=request.query_params.get("sort", ""),
        newest=iso_ms(max((row.last_run for row in found.rows), default=0)),
        table=TableView(COLUMNS, cells, query, found.fitting,
                        noun="experiment" if found.fitting == 1 else "experiments"),
        uri=str(request.base_url).rstrip("/"))


def _plain(row: Row) -> dict[str, Any]:
    return {**row._asdict(), "last_run": iso_ms(row.last_run), "created": iso_ms(row.created)}


def _listing(st: Statements, actor: Actor, query: TableQuery, text: str, stage: str, *, whole: bool) -> Listing:
    known = experiments.list_experiments(st, actor, stage)
    fitting = [one for one in known if text.strip().casefold() in one.name.casefold()]
    ids = [one.id for one in fitting]
    starts = runs.overview.last_starts(st, ids)
    rows = [Row(one.id, one.name, one.team or "", None, starts.get(one.id, 0), one.created_at) for one in fitting]
    if whole or query.sort == "runs":
        rows = _counted(st, rows)
    rows = _sorted(rows, query)
    if not whole:
        rows = _counted(st, rows[query.offset:query.offset + query.size])
    return Listing(rows, len(fitting), len(known), bool(starts))


def _counted(st: Statements, rows: Sequence[Row]) -> list[Row]:
    counts = runs.overview.run_counts(st, [row.id for row in rows if row.runs is None])
    return [row if row.runs is not None else row._replace(runs=counts.get(row.id, 0)) for row in rows]


def _sorted(rows: list[Row], query: TableQuery) -> list[Row]:
    def place(row: Row) -> Any:
        value = getattr(row, query.sort)
        return value.casefold() if isinstance(value, str) else value

    return sorted(sorted(rows, key=lambda row: row.name.casefold()), key=place, reverse=query.descending)
