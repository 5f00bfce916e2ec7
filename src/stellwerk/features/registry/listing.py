"""Registered models and their versions as pages list them."""

from __future__ import annotations

from typing import NamedTuple

from stellwerk.features.registry.lookup import READ
from stellwerk.features.registry.repository import models, search, versions
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.protocols.mlflow.search import Comparison, Order

_MOST = 100_000


class Listed(NamedTuple):
    """A registered model with its aliases and the number of its newest version, 0 where it has none."""

    model: RegisteredModel
    aliases: dict[str, int]
    newest: int


def list_models(st: Statements, actor: Actor) -> list[Listed]:
    """Return the registered models in the caller's scope, by name; prompts are none."""
    terms = search.model_terms([])
    found = search.search_models(st, teams=actor.teams(READ), filters=(), terms=terms, position=None, limit=_MOST)
    names = [model.name for model in found]
    aliases, newest = models.aliases_of(st, names), versions.newest_numbers(st, names)
    return [Listed(model, aliases[model.name], newest.get(model.name, 0)) for model in found]


def versions_page(st: Statements, actor: Actor, name: str, below: int | None, limit: int) -> list[RegisteredVersion]:
    """Return versions of a model in the caller's scope, the newest first, with numbers below one of them."""
    terms = search.version_terms([Order("attribute", "version_number", True)])
    asked = [Comparison("attribute", "name", "=", name)]
    if below is not None:
        asked.append(Comparison("attribute", "version_number", "<", below))
    return search.search_versions(st, teams=actor.teams(READ), filters=asked, terms=terms, position=None, limit=limit)


def version_tags(st: Statements, version: RegisteredVersion) -> dict[str, str]:
    """Return the tags of a version."""
    return versions.tags_of(st, [(version.name, version.version)])[version.name, version.version]
