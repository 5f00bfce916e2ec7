"""What the platform itself does with its services' models: no caller's permissions, since a release was decided."""

from __future__ import annotations

from stellwerk.features.registry import events, states
from stellwerk.features.registry.models import drop_alias
from stellwerk.features.registry.repository import models, versions
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor

__all__ = ["aliases_of", "drop_alias", "find_model", "kept_by_version", "point_alias", "tags_of_model",
           "version_numbers"]


def find_model(st: Statements, name: str) -> RegisteredModel | None:
    """Return the registered model of a name, whoever it belongs to, or None."""
    return models.get(st, name)


def tags_of_model(st: Statements, name: str) -> dict[str, str]:
    """Return the tags of a registered model."""
    return models.tags_of(st, [name]).get(name, {})


def aliases_of(st: Statements, name: str) -> dict[str, int]:
    """Return the aliases of a registered model, with the version that each points at."""
    return models.aliases_of(st, [name]).get(name, {})


def version_numbers(st: Statements, name: str) -> frozenset[int]:
    """Return the numbers of a registered model's versions."""
    return frozenset(versions.numbers_of(st, name))


def point_alias(st: Statements, actor: Actor, name: str, alias: str, version: int) -> None:
    """Point an alias at a version that is there."""
    before = models.alias(st, name, alias)
    models.set_alias(st, name, alias, version)
    states.note_alias(st, actor, "set", name, alias, {"version": version, "before": before})
    events.publish(st, events.ALIAS_CREATED, {"name": name, "alias": alias, "version": str(version)})


def kept_by_version(st: Statements, owner_id: str, path: str) -> str | None:
    """Tell which registered version relies on an artifact, in words, or None: an alias that obeys gates would be worth
    nothing if the bytes behind it could change."""
    found = versions.relying_on(st, owner_id, path)
    return None if found is None else f"version {found[1]} of the registered model {found[0]!r} consists of it"
