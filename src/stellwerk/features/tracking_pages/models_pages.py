"""Registered models: the list, one model, one version with what it is made of and what stands on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Path as InPath
from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.features import artifacts, experiments, logged_models, registry, runs
from stellwerk.features.tracking_pages.preview import folders
from stellwerk.features.tracking_pages.run_view import training_of
from stellwerk.features.tracking_pages.times import iso_ms
from stellwerk.features.tracking_pages.uses import uses_of
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, NotFound
from stellwerk.kernel.route import allow
from stellwerk.uikit import Column, TableQuery, TableView, Templates
from stellwerk.uikit.tables import csv_response, table_query

pages = page_routes("/models", tag="models")
templates = Templates(Path(__file__).parent / "templates")
_READ = allow(registry.READ)
_SHEETS = ["evidence.css", "tracking.css"]
COLUMNS = (
    Column("name", "Model", sortable=True), Column("team", "Team", sortable=True),
    Column("newest", "Newest version", numeric=True, sortable=True), Column("aliases", "Aliases"),
    Column("updated_at", "Changed", sortable=True))
Name = Annotated[str, InPath(max_length=1000)]
Number = Annotated[int, InPath(ge=1, lt=2**31)]
_PAGE = 50
_FILES = 500
# The names by which the stock client registers what a run made.
_EXAMPLE = 'mlflow.register_model("runs:/RUN_ID/model", "churn")'


@pages.get("", _READ)
def models_page(request: Request, actor: CurrentActor, installation: CurrentInstallation,
                q: Annotated[str, Query(max_length=500)] = "") -> Response:
    """Show the registered models that the reader sees."""
    query = table_query(request, COLUMNS, "name")
    known = installation.tracking.read(lambda st: registry.list_models(st, actor))
    found = _sorted([one for one in known if q.strip().casefold() in one.model.name.casefold()], query)
    if request.query_params.get("format") == "csv":
        return csv_response(COLUMNS, [_plain(one) for one in found], "models")
    rows = [{column.key: templates.fragment("model_cell.html", column=column.key, row=one, time=iso_ms).strip()
             for column in COLUMNS} for one in found[query.offset:query.offset + query.size]]
    return templates.page(
        request, "models.html", title="Models", section="models", stylesheets=_SHEETS, crumbs=[("Models", None)],
        search=q, total=len(known), fitting=len(found), sort=request.query_params.get("sort", ""), example=_EXAMPLE,
        named=sum(1 for one in known if one.aliases),
        table=TableView(COLUMNS, rows, query, len(found), noun="model" if len(found) == 1 else "models"))


def _plain(one: registry.Listed) -> dict[str, Any]:
    return {**one.model._asdict(), "team": one.model.team or "", "newest": one.newest,
            "aliases": ", ".join(f"{alias}={version}" for alias, version in one.aliases.items()),
            "updated_at": iso_ms(one.model.updated_at)}


def _sorted(found: list[registry.Listed], query: TableQuery) -> list[registry.Listed]:
    def place(one: registry.Listed) -> Any:
        value = one.newest if query.sort == "newest" else getattr(one.model, query.sort) or ""
        return value.casefold() if isinstance(value, str) else value

    return sorted(found, key=place, reverse=query.descending)


@pages.get("/{name}", _READ)
def model_page(request: Request, name: Name, actor: CurrentActor, installation: CurrentInstallation,
               connection: ReadConnection, below: Annotated[str, Query(max_length=12)] = "") -> Response:
    """Show one model: aliases, versions, and which services stand on them."""
    if below and not (below.isascii() and below.isdigit()):
        raise BadInput("Versions count from 1.", field="below", value=below)

    def query(st: Statements) -> dict[str, Any]:
        model = registry.get_model(st, name, actor)
        versions = registry.versions_page(st, actor, model.name, int(below) if below else None, _PAGE + 1)
        made = runs.visible_runs(st, actor, [one.run_id for one in versions if one.run_id])
        return {"model": model, "versions": versions, "runs": made, "aliases": registry.aliases_of(st, model.name),
                "tags": registry.tags_of_model(st, model.name)}

    found = installation.tracking.read(query)
    more, found["versions"] = len(found["versions"]) > _PAGE, found["versions"][:_PAGE]
    return templates.page(
        request, "model.html", title=name, section="models", stylesheets=_SHEETS,
        crumbs=[("Models", "/models"), (name, None)], **found, below=below, time=iso_ms,
        next_url=f"/models/{quote(name, safe='')}?below={found['versions'][-1].version}" if more else None,
        uses=uses_of(connection, actor, name, found["versions"]), by_version=_by_version(found["aliases"]))


def _by_version(aliases: dict[str, int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for alias, version in aliases.items():
        found.setdefault(version, []).append(alias)
    return found


@pages.get("/{name}/versions/{number}", _READ)
def version_page(request: Request, name: Name, number: Number, actor: CurrentActor, installation: CurrentInstallation,
                 connection: ReadConnection) -> Response:
    """Show one version: from data over run and model to the services that stand on it."""
    found = installation.tracking.read(lambda st: _version(st, actor, name, number))
    version = found["version"]
    training = training_of(connection, version.run_id, actor) if found["run"] is not None else None
    return templates.page(
        request, "model_version.html", title=f"{name} version {number}", section="models", stylesheets=_SHEETS,
        crumbs=[("Models", "/models"), (name, f"/models/{quote(name, safe='')}"), (f"Version {number}", None)],
        **found, training=training, uses=uses_of(connection, actor, name, [version])[number], time=iso_ms,
        tree=folders(found["files"]), more=len(found["files"]) == _FILES)


def _version(st: Statements, actor: Actor, name: str, number: int) -> dict[str, Any]:
    version = registry.get_version(st, name, number, actor)
    run = runs.visible_runs(st, actor, [version.run_id]).get(version.run_id) if version.run_id else None
    return {"version": version, "run": run, "logged": _logged(st, actor, version),
            "model": registry.get_model(st, name, actor), "tags": registry.version_tags(st, version),
            "aliases": _by_version(registry.aliases_of(st, name)).get(number, []), "files": _files(st, version),
            "inputs": [] if run is None else runs.overview.inputs_of(st, [run.no]).get(run.no, []),
            "experiment": None if run is None else experiments.get_experiment(st, run.experiment_id, actor)}


def _logged(st: Statements, actor: Actor, version: registry.RegisteredVersion) -> logged_models.LoggedModel | None:
    try:
        return logged_models.get_model(st, version.model_id, actor) if version.model_id else None
    except NotFound:
        return None


def _files(st: Statements, version: registry.RegisteredVersion) -> list[artifacts.Artifact]:
    """Return the files of a version: whoever sees the version may know them, as its download shows."""
    if version.owner_id is None:
        return []
    folder = artifacts.ArtifactKey.folder(version.path)
    return [one for one, _ in zip(artifacts.artifacts_of(st, version.owner_id, folder), range(_FILES), strict=False)]
