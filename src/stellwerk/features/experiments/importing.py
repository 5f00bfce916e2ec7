"""Taking experiments over from elsewhere: under a new number, with the names and times that they have there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stellwerk.features import ledger
from stellwerk.features.experiments import repository
from stellwerk.features.experiments.repository import Experiment
from stellwerk.features.experiments.service import check_name, state_of
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.transfer import digests, wire


def named(st: Statements, name: str) -> Experiment | None:
    """Return the experiment of a name whoever owns it; a name is in use even by what the caller may not see."""
    return repository.by_name(st, name)


def import_experiment(st: Statements, actor: Actor, brought: wire.Experiment, team: str | None,
                      payload: Mapping[str, Any]) -> Experiment:
    """Make an experiment whose name is free. Raises BadInput naming what it may not hold."""
    check_name(brought.name)
    _check_tags(brought)
    made = Experiment(repository.next_id(st), brought.name, team, brought.lifecycle, brought.created_at,
                      brought.updated_at)
    repository.add(st, made)
    repository.set_tags(st, made.id, dict(brought.tags).items())
    _note(st, actor, made.id, payload)
    return made


def refresh_experiment(st: Statements, actor: Actor, experiment_id: int, brought: wire.Experiment,
                       payload: Mapping[str, Any], *, merged: bool) -> Experiment:
    """Bring a known experiment up to date; of one that others use too, only the tags that come are set.

    It keeps its name where the new one is taken. Raises NotFound where it is gone.
    """
    _check_tags(brought)
    found = repository.get(st, experiment_id)
    if found is None:
        raise NotFound(f"No Experiment with id={experiment_id} exists", field="experiment_id", value=experiment_id)
    known = dict(repository.tags_of(st, [experiment_id])[experiment_id])
    if not merged:
        for key in set(known) - {key for key, _ in brought.tags}:
            repository.delete_tag(st, experiment_id, key)
    repository.set_tags(st, experiment_id, dict(brought.tags).items())
    name = brought.name if repository.by_name(st, brought.name) is None else found.name
    if not merged and (found.lifecycle, found.name) != (brought.lifecycle, name):
        check_name(name)
        repository.change(st, experiment_id, now=brought.updated_at, name=name, lifecycle=brought.lifecycle)
        _note(st, actor, experiment_id, payload)
    return found


def _check_tags(brought: wire.Experiment) -> None:
    for key, value in brought.tags:
        limits.check_key(key, f"{brought.name}.tags")
        limits.check_text(value, f"{brought.name}.tags.{key}")


def _note(st: Statements, actor: Actor, experiment_id: int, payload: Mapping[str, Any]) -> None:
    number = str(experiment_id)
    ledger.record_tracked(st, actor, "experiment.imported", "experiment", number, state_of(st, number), payload)


def content_of(st: Statements, experiment_id: int) -> tuple[Experiment, list[tuple[str, str]],
                                                            dict[str, digests.Digest]]:
    """Return an experiment, its tags, and the digests of both; raises NotFound."""
    found = repository.get(st, experiment_id)
    if found is None:
        raise NotFound(f"No Experiment with id={experiment_id} exists", field="experiment_id", value=experiment_id)
    tags = repository.tags_of(st, [experiment_id])[experiment_id]
    return found, tags, digests.of_experiment(wire.Experiment(
        source_id=str(found.id), name=found.name, lifecycle=found.lifecycle,  # type: ignore[arg-type]
        created_at=found.created_at, tags=tags))
