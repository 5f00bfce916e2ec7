"""What of the registry stands on the ledger, and the events that put it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stellwerk.features import ledger
from stellwerk.features.registry.repository import models, versions
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor

MODEL = "registered_model"
VERSION = "registered_version"
ALIAS = "model_alias"


def model_state(st: Statements, name: str) -> dict[str, Any] | None:
    """Return the state of a registered model by its name."""
    found = models.get(st, name)
    if found is None:
        return None
    return {"name": name, "team": found.team, "description": found.description, "created_at": found.created_at,
            "tags": models.tags_of(st, [name])[name]}


def version_state(st: Statements, subject_id: str) -> dict[str, Any] | None:
    """Return the state of a version by ``NAME/NUMBER``."""
    name, _, number = subject_id.rpartition("/")
    found = versions.get(st, name, int(number))
    if found is None:
        return None
    state = found._asdict()
    # Changes with what happens to others of its model, too.
    del state["updated_at"]
    return {**state, "tags": versions.tags_of(st, [(name, found.version)])[name, found.version]}


def alias_state(st: Statements, subject_id: str) -> dict[str, Any] | None:
    """Return the state of an alias by ``NAME@ALIAS``."""
    name, _, alias = subject_id.rpartition("@")
    version = models.alias(st, name, alias)
    return None if version is None else {"name": name, "alias": alias, "version": version}


def note_model(st: Statements, actor: Actor, verb: str, name: str, payload: Mapping[str, Any] | None = None) -> None:
    """Write the event of a change to a registered model."""
    ledger.record_tracked(st, actor, f"{MODEL}.{verb}", MODEL, name, model_state(st, name), payload)


def note_version(st: Statements, actor: Actor, verb: str, name: str, version: int,
                 payload: Mapping[str, Any] | None = None) -> None:
    """Write the event of a change to a version."""
    subject_id = f"{name}/{version}"
    ledger.record_tracked(st, actor, f"{VERSION}.{verb}", VERSION, subject_id, version_state(st, subject_id), payload)


def note_alias(st: Statements, actor: Actor, verb: str, name: str, alias: str,
               payload: Mapping[str, Any] | None = None) -> None:
    """Write the event of a change to an alias."""
    subject_id = f"{name}@{alias}"
    ledger.record_tracked(st, actor, f"{ALIAS}.{verb}", ALIAS, subject_id, alias_state(st, subject_id), payload)


def note_all(st: Statements, actor: Actor, verb: str, name: str, numbers: Iterable[int],
             aliases: Iterable[str]) -> None:
    """Write the events of a change to a registered model with all its versions and aliases."""
    note_model(st, actor, verb, name)
    for number in numbers:
        note_version(st, actor, verb, name, number)
    for alias in aliases:
        note_alias(st, actor, verb, name, alias)


def _versions_after(st: Statements, after: str, limit: int) -> list[str]:
    name, _, number = after.rpartition("/")
    return [f"{found}/{version}" for found, version in versions.after(st, name, int(number or 0), limit)]


def _aliases_after(st: Statements, after: str, limit: int) -> list[str]:
    name, _, alias = after.rpartition("@")
    return [f"{found}@{one}" for found, one in models.aliases_after(st, name, alias, limit)]


TRACKED: dict[str, ledger.TrackedSubject] = {
    MODEL: ledger.TrackedSubject(state_of=model_state, ids_after=models.names_after),
    VERSION: ledger.TrackedSubject(state_of=version_state, ids_after=_versions_after),
    ALIAS: ledger.TrackedSubject(state_of=alias_state, ids_after=_aliases_after),
}
STATES: dict[str, ledger.StateOf] = {kind: subject.state_of for kind, subject in TRACKED.items()}
