"""Making and changing registered models, their tags and aliases, within the teams of the caller."""

from __future__ import annotations

from collections.abc import Iterable

from stellwerk.features import experiments
from stellwerk.features.experiments import TEAM_TAG, now_ms
from stellwerk.features.registry import events, names, states
from stellwerk.features.registry.lookup import WRITE, get_model, get_version
from stellwerk.features.registry.repository import models, versions
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import AlreadyExists, Forbidden


def create_model(st: Statements, actor: Actor, name: str | None, *, description: str | None = None,
                 tags: Iterable[tuple[str, str]] = ()) -> RegisteredModel:
    """Make a registered model; raises AlreadyExists for a name in use, in whichever team."""
    checked = names.check_tags(tags)
    for key in checked:
        if key != TEAM_TAG:
            _check_platform_tag(actor, key)
    now = now_ms()
    made = RegisteredModel(names.check_name(name), experiments.team_of_new(actor, checked.get(TEAM_TAG), WRITE),
                           names.check_description(description), now, now)
    if not models.add(st, made):
        raise _taken(made.name, "name")
    models.set_tags(st, made.name, checked.items())
    states.note_model(st, actor, "created", made.name)
    events.publish(st, events.MODEL_CREATED, {"name": made.name, "tags": checked, "description": description})
    return made


def _taken(name: str, field: str) -> AlreadyExists:
    return AlreadyExists(f"Registered Model (name={name}) already exists.", field=field, value=name)


def update_model(st: Statements, actor: Actor, name: str | None, description: str | None) -> RegisteredModel:
    """Describe a registered model anew."""
    found = get_model(st, name, actor, WRITE)
    changed = found._replace(description=names.check_description(description), updated_at=now_ms())
    models.describe(st, found.name, changed.description, changed.updated_at)
    states.note_model(st, actor, "updated", found.name)
    return changed


def rename_model(st: Statements, actor: Actor, name: str | None, new_name: str | None) -> RegisteredModel:
    """Give a registered model, with its versions and aliases, another name; raises AlreadyExists for one in use."""
    wanted = names.check_name(new_name, "new_name")
    found = get_model(st, name, actor, WRITE)
    changed = found._replace(name=wanted, updated_at=now_ms())
    if wanted == found.name:
        models.touch(st, wanted, changed.updated_at)
        return changed
    if models.get(st, wanted) is not None:
        raise _taken(wanted, "new_name")
    numbers, aliases = versions.numbers_of(st, found.name), list(models.aliases_of(st, [found.name])[found.name])
    models.rename(st, found.name, wanted, changed.updated_at)
    for one in (found.name, wanted):
        states.note_all(st, actor, "renamed", one, numbers, aliases)
    return changed


def delete_model(st: Statements, actor: Actor, name: str | None) -> None:
    """Remove a registered model with its versions, tags and aliases; the numbers of its versions are never given
    again."""
    found = get_model(st, name, actor, WRITE)
    numbers, aliases = versions.numbers_of(st, found.name), list(models.aliases_of(st, [found.name])[found.name])
    models.delete(st, found.name)
    states.note_all(st, actor, "deleted", found.name, numbers, aliases)
    for alias in aliases:
        events.publish(st, events.ALIAS_DELETED, {"name": found.name, "alias": alias})


def _check_platform_tag(actor: Actor, key: str) -> None:
    # What the platform says about a model is not for others to say or to unsay.
    if key.startswith("stellwerk.") and actor.kind not in ("job", "system"):
        raise Forbidden(f"The tag {key!r} is set by the platform alone.", field="key", value=key)


def set_model_tag(st: Statements, actor: Actor, name: str | None, key: str, value: str) -> None:
    """Set a tag of a registered model."""
    names.check_name(name)
    checked = names.check_tags([(key, value)])
    found = get_model(st, name, actor, WRITE)
    _check_platform_tag(actor, key)
    models.set_tags(st, found.name, checked.items())
    states.note_model(st, actor, "tag_set", found.name, {"key": key})


def delete_model_tag(st: Statements, actor: Actor, name: str | None, key: str) -> None:
    """Remove a tag of a registered model; one that it lacks changes nothing."""
    names.check_key(key)
    found = get_model(st, name, actor, WRITE)
    _check_platform_tag(actor, key)
    if models.delete_tag(st, found.name, key):
        states.note_model(st, actor, "tag_deleted", found.name, {"key": key})


def set_alias(st: Statements, actor: Actor, name: str | None, alias: str | None, version: int) -> None:
    """Point an alias at a version; whoever lets it point asks the guards first.

    Raises BadInput for a reserved alias, NotFound for a version that the model lacks.
    """
    names.check_name(name)
    wanted = names.check_new_alias(alias)
    found = get_version(st, name, version, actor, WRITE)
    before = models.alias(st, found.name, wanted)
    if before != found.version:
        models.set_alias(st, found.name, wanted, found.version)
        states.note_alias(st, actor, "set", found.name, wanted, {"version": found.version, "before": before})
    events.publish(st, events.ALIAS_CREATED, {"name": found.name, "alias": wanted, "version": str(found.version)})


def delete_alias(st: Statements, actor: Actor, name: str | None, alias: str | None) -> None:
    """Remove an alias; one that the model lacks changes nothing."""
    names.check_name(name)
    wanted = names.check_alias(alias)
    found = get_model(st, name, actor, WRITE)
    if models.alias(st, found.name, wanted) is not None:
        drop_alias(st, actor, found.name, wanted)


def drop_alias(st: Statements, actor: Actor, name: str, alias: str) -> None:
    """Remove an alias that is there, for a caller who may."""
    models.delete_alias(st, name, alias)
    states.note_alias(st, actor, "deleted", name, alias)
    events.publish(st, events.ALIAS_DELETED, {"name": name, "alias": alias})
