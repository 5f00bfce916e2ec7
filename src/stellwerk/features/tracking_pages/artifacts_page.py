"""Artifacts of a run or of a logged model: a tree, a look at one file, and its bytes.

No artifact is ever shown as a page: text is text on ours, images are served as the kinds that their bytes say, all
else as a download; both under a policy that lets nothing run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import Path as InPath
from fastapi import Query
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from stellwerk.features import artifacts, experiments, runs
from stellwerk.features.tracking_pages.preview import IMAGE_BYTES, folders, image_type, preview
from stellwerk.features.tracking_pages.times import iso_ms
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow
from stellwerk.uikit import Templates

pages = page_routes("/runs/{run_id}", tag="runs")
templates = Templates(Path(__file__).parent / "templates")
_READ = allow(experiments.READ)
RunId = Annotated[str, InPath(max_length=64, pattern=r"^[\w\-]+$")]
Text = Annotated[str, Query(max_length=1000)]
_HARMLESS = {"Content-Security-Policy": "default-src 'none'; sandbox", "Cache-Control": "private, no-cache"}
_MOST = 5000


def owner_of(st: Statements, actor: Actor, run_id: str, model: str) -> artifacts.Owner:
    """Return the run, or the logged model where one is named; raises NotFound."""
    if model:
        runs.get_run(st, run_id, actor)
        return artifacts.model_of(st, model, actor)
    return artifacts.run_of(st, run_id, actor)


@pages.get("/artifacts", _READ)
def artifacts_page(request: Request, run_id: RunId, actor: CurrentActor, installation: CurrentInstallation,
                   path: Text = "", model: Text = "") -> Response:
    """Show the tree, and what can be shown of the file that the path names."""
    key = artifacts.ArtifactKey.parse(path) if path else None

    def query(st: Statements) -> tuple[runs.Run, experiments.Experiment, list[artifacts.Artifact],
                                       artifacts.Artifact | None]:
        run = runs.get_run(st, run_id, actor)
        owner = owner_of(st, actor, run_id, model)
        found = [one for one, _ in zip(artifacts.artifacts_of(st, owner.id), range(_MOST), strict=False)]
        return (run, experiments.get_experiment(st, run.experiment_id, actor), found,
                None if key is None else artifacts.get_artifact(st, owner.id, key))

    run, experiment, found, chosen = installation.tracking.read(query)
    shown = None
    if chosen is not None:
        with installation.objects.open(chosen.sha256) as stream:
            shown = preview(chosen, stream)
    crumbs = [("Runs", "/experiments"), (experiment.name, f"/experiments/{experiment.id}"),
              (run.name, f"/runs/{run.id}"), ("Artifacts", None)]
    return templates.page(
        request, "artifacts.html", title=chosen.path if chosen else "Artifacts", section="runs", crumbs=crumbs,
        stylesheets=["evidence.css", "tracking.css"], run=run, model=model, tree=folders(found), chosen=chosen,
        shown=shown, more=len(found) == _MOST, time=iso_ms)


@pages.get("/file", _READ)
def file(run_id: RunId, actor: CurrentActor, installation: CurrentInstallation, path: Text,
         model: Text = "") -> Response:
    """Give the bytes of a file as a download."""
    key = artifacts.ArtifactKey.parse(path)
    found = installation.tracking.read(lambda st: artifacts.get_artifact(
        st, owner_of(st, actor, run_id, model).id, key))
    return FileResponse(installation.objects.path(found.sha256), media_type="application/octet-stream",
                        filename=key.name, headers=_HARMLESS)


@pages.get("/image", _READ)
def image(run_id: RunId, actor: CurrentActor, installation: CurrentInstallation, path: Text,
          model: Text = "") -> Response:
    """Give an image to our own pages; raises BadInput for bytes that are no PNG, JPEG, GIF or WebP."""
    key = artifacts.ArtifactKey.parse(path)
    found = installation.tracking.read(lambda st: artifacts.get_artifact(
        st, owner_of(st, actor, run_id, model).id, key))
    with installation.objects.open(found.sha256) as stream:
        kind = image_type(stream.read(16))
    if kind is None or found.size > IMAGE_BYTES:
        raise BadInput("This is no image that can be shown.", field="path", value=path[:200],
                       allowed="PNG, JPEG, GIF or WebP")
    return FileResponse(installation.objects.path(found.sha256), media_type=kind, headers=_HARMLESS)
