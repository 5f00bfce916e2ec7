"""The registry as clients read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stellwerk.features.registry import names
from stellwerk.features.registry.repository import models, versions
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.infra.tracking_database import Statements


def model_entities(st: Statements, found: Sequence[RegisteredModel]) -> list[dict[str, Any]]:
    """Return whole registered models: head, tags, aliases and the latest version of each stage."""
    all_names = [model.name for model in found]
    tags, aliases = models.tags_of(st, all_names), models.aliases_of(st, all_names)
    latest = versions.latest_of(st, all_names, names.STAGES)
    entities = iter(version_entities(st, [version for name in all_names for version in latest[name]]))
    listed = []
    for model in found:
        entity: dict[str, Any] = {"name": model.name, "creation_timestamp": model.created_at,
                                  "last_updated_timestamp": model.updated_at}
        if model.description:
            entity["description"] = model.description
        if latest[model.name]:
            entity["latest_versions"] = [next(entities) for _ in latest[model.name]]
        if tags[model.name]:
            entity["tags"] = _pairs(tags[model.name])
        if aliases[model.name]:
            entity["aliases"] = [{"alias": alias, "version": str(version)}
                                 for alias, version in aliases[model.name].items()]
        listed.append(entity)
    return listed


def version_entities(st: Statements, found: Sequence[RegisteredVersion]) -> list[dict[str, Any]]:
    """Return whole versions: head, tags, and the aliases that point at them."""
    tags = versions.tags_of(st, [(version.name, version.version) for version in found])
    aliases: dict[tuple[str, int], list[str]] = {}
    for name, pointing in models.aliases_of(st, list(dict.fromkeys(version.name for version in found))).items():
        for alias, number in pointing.items():
            aliases.setdefault((name, number), []).append(alias)
    return [version_entity(one, tags[one.name, one.version], aliases.get((one.name, one.version), ()))
            for one in found]


def version_entity(version: RegisteredVersion, tags: dict[str, str], aliases: Sequence[str]) -> dict[str, Any]:
    """Return a version of which tags and aliases are known."""
    entity: dict[str, Any] = {
        "name": version.name, "version": str(version.version), "creation_timestamp": version.created_at,
        "last_updated_timestamp": version.updated_at, "current_stage": version.stage, "source": version.source,
        "status": version.status}
    for name in ("user_id", "description", "run_id", "run_link", "model_id", "status_message"):
        value = getattr(version, name)
        if value is not None:
            entity[name] = value
    if tags:
        entity["tags"] = _pairs(tags)
    if aliases:
        entity["aliases"] = list(aliases)
    return entity


def _pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]
