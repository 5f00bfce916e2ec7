"""What a source means to its caller: whose bytes a version has, and which run and logged model it comes from."""

from __future__ import annotations

import json
from typing import NamedTuple

from stellwerk.features import logged_models, runs
from stellwerk.features.registry import lookup
from stellwerk.features.registry.sources import LoggedFolder, RunFolder, parse_source, refused
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Forbidden, NotFound

VERSIONS_TAG = "mlflow.modelVersions"
# The tag is written anew with each version.
_MOST_NOTED = 1000


class Lineage(NamedTuple):
    """Where the bytes of a version are, and what made them."""

    source: str
    location: str
    owner_id: str | None
    path: str | None
    run_id: str | None
    model_id: str | None


def lineage_of(st: Statements, source: str, run_id: str | None, model_id: str | None, actor: Actor) -> Lineage:
    """Return what a source means; ``run_id`` and ``model_id`` are what the caller says of it, None for nothing.

    Raises BadInput for a source that is not allowed or that is not what the caller says, NotFound for a version that
    the caller cannot see.
    """
    found = parse_source(source)
    if isinstance(found, RunFolder):
        return _of_run(st, source, found, run_id, model_id, actor)
    if isinstance(found, LoggedFolder):
        return _of_logged(st, source, found, run_id, model_id, actor)
    version = lookup.resolve(st, found, actor)
    if (run_id is not None and run_id != (version.run_id or "")) or (
            model_id is not None and model_id != (version.model_id or "")):
        raise refused(source, "The run_id and model_id request parameters must match the referenced model version.")
    return Lineage(f"models:/{version.name}/{version.version}", version.location, version.owner_id, version.path,
                   version.run_id, version.model_id)


def _of_run(st: Statements, source: str, found: RunFolder, run_id: str | None, model_id: str | None,
            actor: Actor) -> Lineage:
    if model_id:
        raise _not_in(source, "model_id")
    run = _visible_run(st, found.run_id, actor)
    if run is None or (run_id and run_id != run.id) or found.experiment_id not in (None, run.experiment_id):
        raise _not_in(source, "run_id")
    return Lineage(source, _joined(runs.artifact_root(run), found.path), run.id, found.path, run.id, None)


def _of_logged(st: Statements, source: str, found: LoggedFolder, run_id: str | None, model_id: str | None,
               actor: Actor) -> Lineage:
    try:
        model = logged_models.get_model(st, found.model_id, actor)
    except NotFound:
        raise _not_in(source, "model_id") from None
    if (model_id and model_id != model.id) or found.experiment_id not in (None, model.experiment_id):
        raise _not_in(source, "model_id")
    # What a logged model says of its run is only what its maker said; lineage is a run that the caller may see.
    claimed = run_id or model.source_run_id
    made_by = _visible_run(st, claimed, actor) if claimed else None
    if run_id and (run_id != (model.source_run_id or run_id) or made_by is None):
        raise refused(source, "The run_id request parameter must name the run that made the logged model.")
    return Lineage(source, _joined(logged_models.artifact_root(model), found.path), model.id, found.path,
                   None if made_by is None else made_by.id, model.id)


def _visible_run(st: Statements, run_id: str, actor: Actor) -> runs.Run | None:
    return runs.visible_runs(st, actor, [run_id]).get(run_id)


def _not_in(source: str, what: str) -> BadInput:
    # The same words whether the resource is another, unknown, or one that the caller may not see.
    return refused(source, f"The {what} request parameter must identify the resource that contains the source.")


def _joined(root: str, path: str) -> str:
    return f"{root}/{path}" if path else root


def note_on_logged_model(st: Statements, actor: Actor, model_id: str, name: str, version: int) -> None:
    """Note on a logged model which version was made of it, as clients look for it there.

    Leaves it where the caller may not write the logged model, or sees it no more.
    """
    known = dict(logged_models.tags_of(st, [model_id])[model_id]).get(VERSIONS_TAG)
    try:
        listed = json.loads(known) if known else []
    except ValueError:
        listed = []
    entry = {"name": name, "version": version}
    if not isinstance(listed, list) or entry in listed or len(listed) >= _MOST_NOTED:
        return
    try:
        logged_models.set_tags(st, actor, model_id, [(VERSIONS_TAG, json.dumps([*listed, entry]))])
    except (Forbidden, NotFound):
        return
