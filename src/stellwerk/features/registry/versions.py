"""Making and changing versions of registered models within the teams of the caller."""

from __future__ import annotations

from collections.abc import Iterable

from stellwerk.features.experiments import now_ms
from stellwerk.features.registry import events, names, states
from stellwerk.features.registry.lineage import lineage_of, note_on_logged_model
from stellwerk.features.registry.lookup import WRITE, get_model, get_version
from stellwerk.features.registry.models import drop_alias
from stellwerk.features.registry.repository import models, versions
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput


def create_version(st: Statements, actor: Actor, name: str | None, source: str, *, run_id: str | None = None,
                   model_id: str | None = None, run_link: str | None = None, description: str | None = None,
                   tags: Iterable[tuple[str, str]] = (), number: int | None = None) -> RegisteredVersion:
    """Make the next version of a registered model from a run's artifacts, a logged model or another version.

    ``number`` is that of a service's own count, which is not taken yet; None gives the next one.

    Raises BadInput for a source of another form, or one that is not what ``run_id`` and ``model_id`` say; NotFound for
    a model that the caller cannot see.
    """
    checked_name, checked = names.check_name(name), names.check_tags(tags)
    names.check_description(description)
    names.check_link(run_link)
    lineage = lineage_of(st, source, run_id, model_id, actor)
    model = get_model(st, checked_name, actor, WRITE)
    now = now_ms()
    given = versions.next_number(st, model.name) if number is None else number
    made = RegisteredVersion(
        model.name, given, now, now, description, actor.name, names.STAGES[0],
        lineage.source, lineage.location, lineage.owner_id, lineage.path, lineage.run_id, run_link, lineage.model_id,
        "READY", None)
    versions.add(st, made)
    if number is not None:
        versions.count_from(st, model.name, number)
    if checked:
        versions.set_tags(st, made.name, made.version, checked.items())
    models.touch(st, made.name, now)
    if made.model_id:
        note_on_logged_model(st, actor, made.model_id, made.name, made.version)
    states.note_version(st, actor, "created", made.name, made.version, {"source": made.source})
    events.publish(st, events.VERSION_CREATED, {
        "name": made.name, "version": str(made.version), "source": made.source, "run_id": made.run_id, "tags": checked,
        "description": description or None})
    return made


def update_version(st: Statements, actor: Actor, name: str | None, version: int,
                   description: str | None) -> RegisteredVersion:
    """Describe a version anew."""
    found = get_version(st, name, version, actor, WRITE)
    changed = found._replace(description=names.check_description(description), updated_at=now_ms())
    versions.describe(st, found, changed.description, changed.updated_at)
    states.note_version(st, actor, "updated", found.name, found.version)
    return changed


def stage_changes(st: Statements, actor: Actor, name: str | None, version: int, stage: str | None,
                  archive: bool) -> list[tuple[int, str]]:
    """Return what a transition does, as (version, its new stage), the one asked for last.

    Raises BadInput for an unknown stage, and where others are to be archived from a stage that is not an active one.
    """
    wanted = names.stage_name(stage)
    if archive and wanted not in names.ACTIVE_STAGES:
        raise BadInput(f"Model version transition cannot archive existing model versions because '{stage}' is not an "
                       f"Active stage. Valid stages are {list(names.ACTIVE_STAGES)}", field="stage", value=stage,
                       allowed=list(names.ACTIVE_STAGES))
    found = get_version(st, name, version, actor, WRITE)
    others = versions.numbers_of(st, found.name, wanted) if archive else []
    return [*((other, "Archived") for other in others if other != found.version), (found.version, wanted)]


def change_stage(st: Statements, actor: Actor, name: str | None, version: int, stage: str | None, *,
                 archive: bool = False) -> RegisteredVersion:
    """Put a version into a stage and, where asked, archive those that were in it; whoever does asks the guards first.

    Raises as ``stage_changes``.
    """
    changes = stage_changes(st, actor, name, version, stage, archive)
    found = get_version(st, name, version, actor)
    now = now_ms()
    for number, new in changes:
        versions.set_stage(st, found.name, number, new, now)
        states.note_version(st, actor, "stage_changed", found.name, number, {"stage": new})
    models.touch(st, found.name, now)
    return found._replace(stage=changes[-1][1], updated_at=now)


def delete_version(st: Statements, actor: Actor, name: str | None, version: int) -> None:
    """Remove a version with its tags and the aliases that point at it; its number is never given again."""
    found = get_version(st, name, version, actor, WRITE)
    for alias, number in models.aliases_of(st, [found.name])[found.name].items():
        if number == found.version:
            drop_alias(st, actor, found.name, alias)
    versions.delete(st, found.name, found.version)
    models.touch(st, found.name, now_ms())
    states.note_version(st, actor, "deleted", found.name, found.version)


def set_version_tag(st: Statements, actor: Actor, name: str | None, version: int, key: str, value: str) -> None:
    """Set a tag of a version."""
    names.check_name(name)
    checked = names.check_tags([(key, value)])
    found = get_version(st, name, version, actor, WRITE)
    versions.set_tags(st, found.name, found.version, checked.items())
    states.note_version(st, actor, "tag_set", found.name, found.version, {"key": key})
    events.publish(st, events.TAG_SET, {"name": found.name, "version": str(found.version), "key": key, "value": value})


def delete_version_tag(st: Statements, actor: Actor, name: str | None, version: int, key: str) -> None:
    """Remove a tag of a version; one that it lacks changes nothing."""
    names.check_key(key)
    found = get_version(st, name, version, actor, WRITE)
    if versions.delete_tag(st, found.name, found.version, key):
        states.note_version(st, actor, "tag_deleted", found.name, found.version, {"key": key})
        events.publish(st, events.TAG_DELETED, {"name": found.name, "version": str(found.version), "key": key})
