"""Making, finding and changing experiments within the teams of the caller."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from stellwerk.features import ledger
from stellwerk.features.experiments import repository
from stellwerk.features.experiments.repository import Experiment
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import AlreadyExists, BadInput, Conflict, Forbidden, NotFound
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.mlflow.decoding import invalid

READ = "runs.read"
WRITE = "runs.write"
# The tag with which a caller of several teams says whose an experiment is.
TEAM_TAG = "stellwerk.team"
_LARGEST_ID = 2**31


def artifact_root(experiment_id: int) -> str:
    """Return where the artifacts of an experiment stand, as clients see it."""
    return f"mlflow-artifacts:/{experiment_id}"


def parse_id(text: str | None) -> int:
    """Return an experiment's number; raises BadInput for a text that is none."""
    value = (text or "").strip()
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        raise BadInput(f"Invalid experiment ID '{value[:100]}'. Experiment ID must be a valid integer.",
                       field="experiment_id", value=value[:100])
    return int(value)


def get_experiment(st: Statements, experiment_id: int, actor: Actor, permission: str = READ, *,
                   into: bool = False) -> Experiment:
    """Return an experiment in the caller's scope; ``into`` asks to put something into it, not to change it.

    Raises NotFound outside of it, Forbidden where the caller may see it but lacks the permission.
    """
    found = repository.get(st, experiment_id) if experiment_id < _LARGEST_ID else None
    if found is None or not may(actor, READ, found.team):
        raise NotFound(f"No Experiment with id={experiment_id} exists", field="experiment_id", value=experiment_id)
    if not (into and found.team is None and actor.may_anywhere(permission)):
        require(actor, permission, found.team)
    return found


def find_by_name(st: Statements, name: str) -> Experiment | None:
    """Return the experiment of a name, whoever it belongs to, or None."""
    return repository.by_name(st, name)


def may(actor: Actor, permission: str, team: str | None) -> bool:
    """Tell whether the caller holds a permission for what a team owns. What is shared by all is read by everyone who
    reads anything, and changed by those alone who hold the permission for the whole installation."""
    if team is None and permission.endswith(".read"):
        return actor.may_anywhere(permission)
    return actor.may(permission, team)


def require(actor: Actor, permission: str, team: str | None) -> None:
    """Raise Forbidden where the caller lacks a permission."""
    if not may(actor, permission, team):
        where = "for what all teams share" if team is None else f"in the team {team!r}"
        raise Forbidden(f"{actor.name} lacks the permission {permission!r} {where}.", field="permission",
                        value=permission, hint="Ask an admin for a role that grants it.")


def active_experiment(st: Statements, experiment_id: int, actor: Actor, *, into: bool = False) -> Experiment:
    """Return an experiment that may be written to; raises as ``get_experiment``, and Conflict for a deleted one."""
    found = get_experiment(st, experiment_id, actor, WRITE, into=into)
    if found.lifecycle != "active":
        raise Conflict(f"The experiment {found.id} must be in the 'active' state. Current state is deleted.",
                       field="experiment_id", value=found.id)
    return found


def team_of_new(actor: Actor, asked: str | None = None, permission: str = WRITE) -> str | None:
    """Return which team a new thing of the caller belongs to; raises Forbidden for a team that is not the caller's."""
    teams = actor.teams(permission)
    if asked:
        if not actor.may(permission, asked):
            raise Forbidden(f"{actor.name} cannot make anything for the team {asked!r}.", field=TEAM_TAG, value=asked,
                            allowed=sorted(teams) if teams else None)
        return asked
    if teams is None:
        return None
    return min(teams)


def check_name(name: str, path: str = "name") -> str:
    """Return the name of an experiment; raises BadInput for one that is empty, too long or not plain."""
    if not name.strip():
        raise BadInput(f"Invalid experiment name: '{name}'", field=path)
    if len(name) > limits.EXPERIMENT_NAME_LENGTH:
        raise BadInput(f"'{path}' exceeds the maximum length of {limits.EXPERIMENT_NAME_LENGTH} characters",
                       field=path)
    limits.check_plain(name, path)
    return name


def check_tags(tags: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return tags of an experiment; raises BadInput for one beyond the limits."""
    checked = []
    for key, value in tags:
        limits.check_key(key, "key")
        if len(value) > limits.EXPERIMENT_TAG_LENGTH:
            raise BadInput(f"'value' exceeds the maximum length of {limits.EXPERIMENT_TAG_LENGTH} characters",
                           field="value")
        checked.append((key, limits.check_text(value, "value")))
    return checked


def create_experiment(st: Statements, actor: Actor, name: str, location: str | None = None,
                      tags: Iterable[tuple[str, str]] = ()) -> Experiment:
    """Make an experiment; raises AlreadyExists for a name in use, even by a deleted one."""
    check_name(name)
    checked = check_tags(tags)
    known = repository.by_name(st, name)
    if known is not None:
        visible_one = known.lifecycle == "deleted" and may(actor, READ, known.team)
        raise AlreadyExists(f"Experiment(name={name}) already exists.", field="name", value=name,
                            hint="A deleted experiment keeps its name; restore or rename it." if visible_one else None)
    number = repository.next_id(st)
    if location and location.rstrip("/") != artifact_root(number):
        raise invalid("artifact_location", location,
                      "this installation keeps artifacts in its own store and picks the place itself; leave it out.")
    now = now_ms()
    made = Experiment(number, name, team_of_new(actor, dict(checked).get(TEAM_TAG)), "active", now, now)
    repository.add(st, made)
    repository.set_tags(st, number, checked)
    note(st, actor, "experiment.created", number)
    return made


def rename_experiment(st: Statements, actor: Actor, experiment_id: int, name: str) -> None:
    """Give an experiment another name."""
    found = get_experiment(st, experiment_id, actor, WRITE)
    check_name(name, "new_name")
    if found.lifecycle != "active":
        raise Conflict("Cannot rename a non-active experiment.", field="experiment_id", value=experiment_id)
    other = repository.by_name(st, name)
    if other is not None and other.id != found.id:
        raise AlreadyExists(f"Experiment(name={name}) already exists.", field="new_name", value=name)
    repository.change(st, experiment_id, now=now_ms(), name=name)
    note(st, actor, "experiment.renamed", experiment_id)


def set_lifecycle(st: Statements, actor: Actor, experiment_id: int, lifecycle: str) -> int:
    """Delete or restore an experiment and return the moment; raises NotFound where it is in that state already."""
    found = get_experiment(st, experiment_id, actor, WRITE)
    if found.lifecycle == lifecycle:
        raise NotFound(f"No {'active' if lifecycle == 'deleted' else 'deleted'} Experiment with id={experiment_id} "
                       "exists", field="experiment_id", value=experiment_id)
    now = now_ms()
    repository.change(st, experiment_id, now=now, lifecycle=lifecycle)
    note(st, actor, "experiment.deleted" if lifecycle == "deleted" else "experiment.restored", experiment_id)
    return now


def set_tag(st: Statements, actor: Actor, experiment_id: int, key: str, value: str) -> None:
    """Set a tag of an experiment."""
    active_experiment(st, experiment_id, actor)
    repository.set_tags(st, experiment_id, check_tags([(key, value)]))
    repository.change(st, experiment_id, now=now_ms())


def delete_tag(st: Statements, actor: Actor, experiment_id: int, key: str) -> None:
    """Remove a tag of an experiment; raises NotFound where it has none of that name."""
    active_experiment(st, experiment_id, actor)
    if not repository.delete_tag(st, experiment_id, key):
        raise NotFound(f"No tag with name: {key} in experiment with id {experiment_id}", field="key", value=key)
    repository.change(st, experiment_id, now=now_ms())


def visible(st: Statements, actor: Actor, ids: Sequence[int]) -> list[Experiment]:
    """Return those of the experiments that the caller may see."""
    return [found for found in repository.by_ids(st, [one for one in ids if one < _LARGEST_ID])
            if may(actor, READ, found.team)]


def note(st: Statements, actor: Actor, verb: str, experiment_id: int) -> None:
    """Write the event of a change."""
    ledger.record_tracked(st, actor, verb, "experiment", str(experiment_id), state_of(st, str(experiment_id)))


def state_of(st: Statements, experiment_id: str) -> dict[str, object] | None:
    """Return what of an experiment stands on the ledger."""
    found = repository.get(st, int(experiment_id))
    return None if found is None else {"name": found.name, "team": found.team, "lifecycle": found.lifecycle,
                                       "created_at": found.created_at}


def now_ms() -> int:
    """Return the present in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


TRACKED = ledger.TrackedSubject(state_of=state_of, ids_after=repository.ids_after)
