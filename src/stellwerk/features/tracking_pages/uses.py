"""Which services stand on versions of a registered model: those that made it, and those that took it over."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

from stellwerk.features import models, registry, releases, services, trainings
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import NotFound


class Use(NamedTuple):
    """A version of a service that is made of a registered version; ``own`` says that the service trained it itself.

    ``number`` is None where the service took the model over but made no version of it.
    """

    service: str
    title: str
    number: int | None
    lamp: tuple[str, str]
    own: bool


def uses_of(connection: Connection, actor: Actor, model: str,
            versions: list[registry.RegisteredVersion]) -> dict[int, list[Use]]:
    """Return what stands on each of the versions, as far as the reader may see it."""
    found: dict[int, list[Use]] = {version.version: [] for version in versions}
    runs = {version.run_id: version.version for version in versions if version.run_id}
    own = _service(connection, model, actor)
    if own is not None:
        states = _states(connection, model)
        for row in models.versions_of(connection, [model]):
            if row["run_id"] in runs:
                number = int(row["number"])
                found[runs[row["run_id"]]].append(Use(model, own["title"], number, _lamp(states.get(number)), True))
    for version, run_ids in trainings.runs_that_adopted(connection, model).items():
        for run_id in run_ids if version in found else ():
            use = _adopted(connection, actor, run_id)
            if use is not None and use not in found[version]:
                found[version].append(use)
    return found


def _adopted(connection: Connection, actor: Actor, run_id: str) -> Use | None:
    try:
        name = str(trainings.get_run(connection, run_id)["service"])
    except NotFound:
        return None
    service = _service(connection, name, actor)
    if service is None:
        return None
    number = next((int(row["number"]) for row in models.versions_of(connection, [name]) if row["run_id"] == run_id),
                  None)
    return Use(name, service["title"], number, _lamp(_states(connection, name).get(number or 0)), False)


def _service(connection: Connection, name: str, actor: Actor) -> dict[str, str] | None:
    try:
        found = services.get_service(connection, name)
    except NotFound:
        return None
    if not actor.may("services.read", found["team"]):
        return None
    return {"title": found["title"], "team": found["team"]}


def _states(connection: Connection, service: str) -> dict[int, str | None]:
    return {entry["number"]: entry["state"] for entry in releases.version_list(connection, service)}


def _lamp(state: str | None) -> tuple[str, str]:
    return releases.STATE_LAMPS.get(state or "", ("unset", "not evaluated"))
