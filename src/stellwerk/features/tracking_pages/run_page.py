"""The page of one run: what it came to, its curves as they grow, and all that it logged; its forms change it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import Form, Query
from fastapi import Path as InPath
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stellwerk.features import experiments, runs
from stellwerk.features.tracking_pages import words
from stellwerk.features.tracking_pages.columns import PARENT_TAG
from stellwerk.features.tracking_pages.compare_page import read_curves
from stellwerk.features.tracking_pages.curves import AXES, Drawing, chart_of
from stellwerk.features.tracking_pages.figures import figure
from stellwerk.features.tracking_pages.preview import folders
from stellwerk.features.tracking_pages.run_view import Live, read_live, read_run, training_of, verdict_of
from stellwerk.features.tracking_pages.times import iso_ms, seconds_between
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.installation import Installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, StellwerkError
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.route import allow
from stellwerk.protocols.mlflow import limits
from stellwerk.uikit import Templates

pages = page_routes("/runs/{run_id}", tag="runs")
templates = Templates(Path(__file__).parent / "templates")
templates.environment.filters["figure"] = figure
_READ, _WRITE = allow(experiments.READ), allow(experiments.WRITE)
RunId = Annotated[str, InPath(max_length=64, pattern=r"^[\w\-]+$")]
_NAME_LENGTH = 250


@pages.get("", _READ)
def run_page(request: Request, run_id: RunId, actor: CurrentActor, installation: CurrentInstallation,
             connection: ReadConnection) -> Response:
    """Show one run."""
    return _page(request, installation, connection, run_id, actor)


@pages.get("/live", _READ)
def live(request: Request, run_id: RunId, actor: CurrentActor, installation: CurrentInstallation,
         seen: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Give metrics and curves anew where they differ from what was seen; nothing otherwise."""
    wanted, drawing = read_curves(request.query_params)
    found = installation.tracking.read(lambda st: read_live(st, runs.get_run(st, run_id, actor), wanted))
    latest, curves = _live(found, drawing)
    mark = _mark(found.run, latest + curves)
    if mark == seen:
        return Response(status_code=204)
    return templates.page(request, "run_live.html", title="", run=found.run, latest=latest, curves=curves, mark=mark)


@pages.post("/rename", _WRITE)
def rename(request: Request, run_id: RunId, actor: CurrentActor, installation: CurrentInstallation,
           connection: ReadConnection, name: Annotated[str, Form(max_length=2000)] = "") -> Response:
    """Give the run another name."""

    def change(st: Statements) -> None:
        if not name.strip() or len(name) > _NAME_LENGTH:
            raise BadInput("A run has a name.", field="name", allowed=f"1 to {_NAME_LENGTH} characters")
        limits.check_plain(name, "name")
        runs.update_run(st, actor, run_id, name=name.strip())

    return _done(request, installation, connection, run_id, actor, change)


@pages.post("/delete", _WRITE)
def delete(request: Request, run_id: RunId, actor: CurrentActor, installation: CurrentInstallation,
           connection: ReadConnection) -> Response:
    """Mark the run as deleted."""
    return _done(request, installation, connection, run_id, actor,
                 lambda st: runs.set_lifecycle(st, actor, run_id, "deleted"))


@pages.post("/restore", _WRITE)
def restore(request: Request, run_id: RunId, actor: CurrentActor, installation: CurrentInstallation,
            connection: ReadConnection) -> Response:
    """Bring a deleted run back."""
    return _done(request, installation, connection, run_id, actor,
                 lambda st: runs.set_lifecycle(st, actor, run_id, "active"))


def _done(request: Request, installation: Installation, connection: Connection, run_id: str, actor: Actor,
          change: Callable[[Statements], None]) -> Response:
    """Do what a form asks; a refusal is shown on the page itself."""
    try:
        installation.tracking.write(change)
    except StellwerkError as refused:
        return _page(request, installation, connection, run_id, actor, refused=refused)
    return RedirectResponse(f"/runs/{run_id}", 303)


def _live(found: Live, drawing: Drawing) -> tuple[str, str]:
    """Return the latest metrics and the curves."""
    charts = [chart_of(f"curve-{place}", key, {found.run.name: history}, drawing)
              for place, (key, history) in enumerate(found.histories.items())]
    return (templates.fragment("run_latest.html", run=found.run, live=found),
            templates.fragment("run_curves.html", run=found.run, charts=charts))


def _mark(run: runs.Run, shown: str) -> str:
    """Return a mark of what the live part shows; the end of the run changes it too."""
    return sha256_hex(f"{run.status} {run.lifecycle} {shown}".encode())[:16]


def _page(request: Request, installation: Installation, connection: Connection, run_id: str, actor: Actor, *,
          refused: StellwerkError | None = None) -> Response:
    wanted, drawing = read_curves(request.query_params)
    view = installation.tracking.read(lambda st: read_run(st, run_id, actor, wanted))
    latest, curves = _live(view.live, drawing)
    run, experiment = view.run, view.experiment
    crumbs: list[tuple[str, str | None]] = [("Runs", "/experiments"),
                                            (experiment.name, f"/experiments/{experiment.id}")]
    if view.parent is not None:
        crumbs.append((view.parent.name, f"/runs/{view.parent.id}"))
    context: dict[str, Any] = {
        "view": view, "run": run, "latest": latest, "curves": curves, "mark": _mark(run, latest + curves),
        "drawing": drawing, "axis_names": AXES,
        "state": words.lamp_of(run), "words": words, "verdict": verdict_of(view, experiments.now_ms()),
        "tree": folders(view.files), "training": training_of(connection, run.id, actor), "refused": refused,
        "time": iso_ms, "took": seconds_between(run.start_time, run.end_time), "parent_tag": PARENT_TAG,
        "seconds_between": seconds_between}
    return templates.page(
        request, "run.html", title=run.name, section="runs", stylesheets=["evidence.css", "tracking.css"],
        status=refused.status if refused else 200, crumbs=[*crumbs, (run.name, None)], **context)
