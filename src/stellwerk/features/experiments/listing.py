"""All experiments that a caller sees, for pages."""

from __future__ import annotations

from stellwerk.features.experiments import repository
from stellwerk.features.experiments.repository import Experiment
from stellwerk.features.experiments.service import READ
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor

_MOST = 100_000


def list_experiments(st: Statements, actor: Actor, lifecycle: str = "active") -> list[Experiment]:
    """Return the experiments in the caller's scope, newest first."""
    return repository.search(st, teams=actor.teams(READ), stages=(lifecycle,), filters=(), order=(), after=None,
                             limit=_MOST)


def tags_of(st: Statements, experiment: Experiment) -> dict[str, str]:
    """Return the tags of an experiment."""
    return dict(repository.tags_of(st, [experiment.id])[experiment.id])
