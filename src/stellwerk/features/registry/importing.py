"""Taking registered models over from elsewhere: with the numbers, stages and times that they have there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.features import logged_models, runs
from stellwerk.features.registry import names, states
from stellwerk.features.registry.repository import models, versions
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey
from stellwerk.protocols.transfer import digests, wire


def import_model(st: Statements, actor: Actor, brought: wire.RegisteredModel, team: str | None,
                 payload: Mapping[str, Any]) -> None:
    """Put a model without its versions: a new one is made, a known one gets exactly what comes.

    Raises BadInput naming what a model may not hold.
    """
    name, tags = names.check_name(brought.name), names.check_tags(brought.tags)
    names.check_description(brought.description)
    made = RegisteredModel(name, team, brought.description, brought.created_at, brought.updated_at)
    if not models.add(st, made):
        models.describe(st, name, brought.description, brought.updated_at)
        for key in set(models.tags_of(st, [name])[name]) - set(tags):
            models.delete_tag(st, name, key)
    models.set_tags(st, name, tags.items())
    if brought.last_version:
        versions.count_from(st, name, brought.last_version)
    states.note_model(st, actor, "imported", name, payload)


def import_versions(st: Statements, actor: Actor, name: str, brought: Sequence[wire.Version],
                    payload: Mapping[str, Any]) -> None:
    """Put versions of a model under their numbers; known ones get exactly what comes.

    A version whose files came with no run or logged model is kept without a place for them. Raises NotFound for an
    unknown model, BadInput naming what a version may not hold.
    """
    if models.get(st, name) is None:
        raise NotFound(f"Registered Model with name={name} not found", field="name", value=name[:100])
    for version in brought:
        tags = names.check_tags(version.tags)
        names.check_description(version.description)
        names.check_link(version.run_link)
        for text in (version.source, version.user_id or "", version.status_message or "", version.run_id or ""):
            limits.check_text(text, f"{name}/{version.version}")
        owner_id, path, location = _place(st, actor, version)
        if versions.get(st, name, version.version) is not None:
            versions.delete(st, name, version.version)
        versions.add(st, RegisteredVersion(
            name, version.version, version.created_at, version.updated_at, version.description, version.user_id,
            names.stage_name(version.stage), version.source, location, owner_id, path, version.run_id,
            version.run_link, version.model_id, version.status, version.status_message))
        versions.set_tags(st, name, version.version, tags.items())
        versions.count_from(st, name, version.version)
        states.note_version(st, actor, "imported", name, version.version, payload)


def _place(st: Statements, actor: Actor, version: wire.Version) -> tuple[str | None, str | None, str]:
    if version.owner_id is None:
        return None, None, ""
    folder = ArtifactKey.folder(version.path)
    run = runs.visible_runs(st, actor, [version.owner_id]).get(version.owner_id)
    model = logged_models.by_ids(st, [version.owner_id]).get(version.owner_id)
    if run is None and model is None:
        return None, None, ""
    root = runs.artifact_root(run) if run is not None else logged_models.artifact_root(model) if model else ""
    return version.owner_id, "" if folder is None else folder.text, root if folder is None else f"{root}/{folder.text}"


def import_aliases(st: Statements, actor: Actor, name: str, aliases: Sequence[tuple[str, int]],
                   payload: Mapping[str, Any]) -> None:
    """Point aliases at versions; raises NotFound for a version that did not come, BadInput for an alias that may not
    be. Whoever does asks the guards first."""
    for alias, version in aliases:
        names.check_new_alias(alias)
        if versions.get(st, name, version) is None:
            raise NotFound(f"Model Version (name={name}, version={version}) not found", field="version", value=version)
        if models.alias(st, name, alias) != version:
            models.set_alias(st, name, alias, version)
            states.note_alias(st, actor, "imported", name, alias, payload)


def content_of(st: Statements, name: str) -> dict[str, digests.Digest]:
    """Return the digests of what is kept of a model, its versions and aliases; raises NotFound."""
    found = models.get(st, name)
    if found is None:
        raise NotFound(f"Registered Model with name={name} not found", field="name", value=name[:100])
    numbers = versions.numbers_of(st, name)
    tags = versions.tags_of(st, [(name, number) for number in numbers])
    kept = [version for number in numbers if (version := versions.get(st, name, number)) is not None]
    return digests.of_registered_model(
        wire.RegisteredModel(name=name, description=found.description, created_at=found.created_at,
                             tags=list(models.tags_of(st, [name])[name].items())),
        [wire.Version(
            version=one.version, created_at=one.created_at, description=one.description, user_id=one.user_id,
            stage=one.stage, source=one.source, run_id=one.run_id, run_link=one.run_link, model_id=one.model_id,
            status=one.status, status_message=one.status_message, tags=list(tags[name, one.version].items()))
         for one in kept],
        models.aliases_of(st, [name])[name].items())
