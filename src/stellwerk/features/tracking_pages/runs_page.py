"""The runs of an experiment: a table whose filter, columns, order, groups and page are its address."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stellwerk.features import experiments, runs
from stellwerk.features.tracking_pages import words
from stellwerk.features.tracking_pages.columns import ATTRIBUTES, INTERNAL, PARENT_TAG, RunColumn
from stellwerk.features.tracking_pages.figures import figure
from stellwerk.features.tracking_pages.statistics import statistics_of
from stellwerk.features.tracking_pages.table import SAMPLE, Table, columns_of, file_rows, read_table
from stellwerk.features.tracking_pages.times import iso_ms
from stellwerk.features.tracking_pages.view import View, read_view
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.installation import Installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow
from stellwerk.uikit import Templates
from stellwerk.uikit.tables import csv_stream

pages = page_routes("/experiments/{experiment_id}", tag="runs")
templates = Templates(Path(__file__).parent / "templates")
templates.environment.filters["figure"] = figure
_READ = allow(experiments.READ)
# Keys that the chooser lists before it asks for a name.
_LISTED = 40
# What people write about an experiment in their client.
_NOTE = "mlflow.note.content"


@pages.get("", _READ)
def runs_page(request: Request, experiment_id: str, actor: CurrentActor, installation: CurrentInstallation) -> Response:
    """Show the runs that the address asks for; a filter that is none is answered at its field."""
    found = _experiment(installation, actor, experiment_id)
    view = read_view(found.id, request.query_params)
    if request.query_params.get("format") == "csv":
        return _file(installation, view)
    fault: BadInput | None = None
    table: Table | None = None
    known: dict[str, list[runs.overview.KnownKey]] = {}
    note = installation.tracking.read(lambda st: experiments.tags_of(st, found)).get(_NOTE, "")
    try:
        table, known = installation.tracking.read(lambda st: (read_table(st, view), _known(st, view)))
    except BadInput as refused:
        if refused.field == "page_token":
            raise
        fault = refused
    columns = list(table.columns if table else view.columns)
    return templates.page(
        request, "runs.html", title=found.name, section="runs", status=400 if fault else 200,
        stylesheets=["evidence.css", "tracking.css"], crumbs=[("Runs", "/experiments"), (found.name, None)],
        experiment=found, note=note, view=view, table=table, fault=fault, columns=columns, words=words,
        verdict=_verdict(view, table), chooser=_chooser(columns, known), groupings=_groupings(view, known),
        address=str(request.url), whole=not view.filter and view.within is None, time=iso_ms,
        uri=str(request.base_url).rstrip("/"))


@pages.get("/statistics", _READ)
def statistics(request: Request, experiment_id: str, actor: CurrentActor,
               installation: CurrentInstallation) -> Response:
    """Show the cells that say what each column of the view is like, over all its runs."""
    found = _experiment(installation, actor, experiment_id)
    view = read_view(found.id, request.query_params)

    def query(st: Statements) -> list[Any]:
        scope = view.scope()
        return [(column, statistics_of(st, scope, column)) for column in columns_of(st, view)]

    return templates.page(request, "statistics.html", title="", columns=installation.tracking.read(query))


@pages.get("/keys", _READ)
def keys(experiment_id: str, actor: CurrentActor, installation: CurrentInstallation) -> Response:
    """Return the names that filters and columns may use, as those of the newest runs tell."""
    found = _experiment(installation, actor, experiment_id)
    view = View(found.id, stage="all")
    known = installation.tracking.read(lambda st: _known(st, view))
    named = [(RunColumn(kind, one.name).name, one.runs) for kind in ("metric", "param", "tag") for one in known[kind]]
    return JSONResponse({"keys": [{"name": name, "runs": count} for name, count in named] + [
        {"name": name, "runs": None} for name in (*ATTRIBUTES, "dataset.name", "dataset.digest", "dataset.context")
        if name != "duration"]})


def _experiment(installation: Installation, actor: Actor, experiment_id: str) -> experiments.Experiment:
    number = experiments.parse_id(experiment_id)
    return installation.tracking.read(lambda st: experiments.get_experiment(st, number, actor))


def _known(st: Statements, view: View) -> dict[str, list[runs.overview.KnownKey]]:
    return runs.overview.keys_used(st, runs.overview.Scope([view.experiment_id], view.stages, ()), SAMPLE)


def _file(installation: Installation, view: View) -> Response:
    """Return all runs of the view, also where it shows them in groups."""
    view = replace(view, group=None, sort=view.sort if view.order_column else "")
    view.scope()
    columns = installation.tracking.read(lambda st: columns_of(st, view))
    return csv_stream(file_rows(installation, view, columns), f"experiment-{view.experiment_id}-runs")


def _verdict(view: View, table: Table | None) -> tuple[str, str, str] | None:
    """Return what stands out, as (before, strong, after): the best run where a metric orders, else how many."""
    if table is None or not table.total:
        return None
    noun = "run" if table.total == 1 else "runs"
    first = table.rows[0] if table.rows and not view.page else None
    column = view.order_column
    if first is not None and column is not None and column.kind == "metric" and column.name in first.cells:
        return (f"The {'highest' if view.descending else 'lowest'} {column.key} of {table.total:,} {noun} is ",
                figure(first.cells[column.name]), f", in {first.run.name}.")
    return "", f"{table.total:,} {noun}", " fit the filter." if view.filter or view.within else "."


def _chooser(columns: list[RunColumn], known: dict[str, list[runs.overview.KnownKey]]) -> dict[str, list[RunColumn]]:
    """Return the columns that could be added, by kind; tags that clients set for themselves are left out."""
    offered = {"Attributes": [RunColumn("attribute", name) for name in ATTRIBUTES if name != "run_name"]}
    for kind, title in (("metric", "Metrics"), ("param", "Params"), ("tag", "Tags")):
        offered[title] = [RunColumn(kind, one.name) for one in known.get(kind, ())
                          if not one.name.startswith(INTERNAL) or one.name == PARENT_TAG][:_LISTED]
    return {title: left for title, entries in offered.items()
            if (left := [column for column in entries if column not in columns])}


def _groupings(view: View, known: dict[str, list[runs.overview.KnownKey]]) -> list[RunColumn]:
    offered = [RunColumn("tag", one.name) for one in known.get("tag", ()) if one.name == PARENT_TAG]
    offered += [RunColumn("param", one.name) for one in known.get("param", ()) if one.differs][:_LISTED]
    offered += [RunColumn("tag", one.name) for one in known.get("tag", ()) if not one.name.startswith(INTERNAL)]
    offered += [RunColumn("attribute", "status"), RunColumn("attribute", "user_id")]
    if view.group is not None and view.group not in offered:
        offered.append(view.group)
    return offered
