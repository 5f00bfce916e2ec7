"""Finding registered models and versions in the caller's scope."""

from __future__ import annotations

from collections.abc import Sequence

from stellwerk.features import experiments
from stellwerk.features.registry import names
from stellwerk.features.registry.repository import models, versions
from stellwerk.features.registry.repository.models import RegisteredModel
from stellwerk.features.registry.repository.versions import RegisteredVersion
from stellwerk.features.registry.sources import LoggedFolder, VersionNamed, parse_model_uri, refused
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, NotFound

READ = "models.read"
WRITE = "models.write"


def get_model(st: Statements, name: str | None, actor: Actor, permission: str = READ) -> RegisteredModel:
    """Return a registered model in the caller's scope.

    Raises NotFound outside of it, Forbidden where the caller may see it but lacks the permission.
    """
    checked = names.check_name(name)
    found = models.get(st, checked)
    if found is None or not experiments.may(actor, READ, found.team):
        raise NotFound(f"Registered Model with name={checked} not found", field="name", value=checked)
    experiments.require(actor, permission, found.team)
    return found


def get_version(st: Statements, name: str | None, version: int, actor: Actor,
                permission: str = READ) -> RegisteredVersion:
    """Return a version in the caller's scope; raises as ``get_model``, and NotFound for a number that it lacks."""
    checked = names.check_name(name)
    found = versions.get(st, checked, version)
    if found is not None:
        try:
            get_model(st, checked, actor, permission)
            return found
        except NotFound:
            pass
    raise NotFound(f"Model Version (name={checked}, version={version}) not found", field="version", value=version)


def get_by_alias(st: Statements, name: str | None, alias: str | None, actor: Actor) -> RegisteredVersion:
    """Return the version that an alias points at; ``latest`` is the highest number.

    Raises NotFound for the model, BadInput for an alias that it lacks: clients know the two apart by that.
    """
    checked, wanted = names.check_name(name), names.check_alias(alias)
    model = get_model(st, checked, actor)
    if wanted.lower() == names.LATEST:
        newest = versions.newest(st, model.name)
        if newest is None:
            raise NotFound(f"Latest version not found for model {model.name}.", field="name", value=model.name)
        return newest
    number = models.alias(st, model.name, wanted)
    found = None if number is None else versions.get(st, model.name, number)
    if found is None:
        raise BadInput(f"Registered model alias {wanted} not found.", field="alias", value=wanted)
    return found


def latest_versions(st: Statements, name: str | None, actor: Actor,
                    stages: Sequence[str] = ()) -> list[RegisteredVersion]:
    """Return the version of the highest number in each of the stages, or in each stage there is."""
    model = get_model(st, name, actor)
    wanted = {names.stage_name(stage) for stage in stages} or set(names.STAGES)
    return versions.latest_of(st, [model.name], [stage for stage in names.STAGES if stage in wanted])[model.name]


def resolve(st: Statements, named: VersionNamed, actor: Actor) -> RegisteredVersion:
    """Return the version that an address names; raises NotFound, and BadInput for an alias that the model lacks."""
    if named.by == "version":
        return get_version(st, named.name, names.version_number(named.value), actor)
    if named.by == "alias":
        return get_by_alias(st, named.name, named.value, actor)
    stages = (named.value,) if named.by == "stage" else ()
    found = latest_versions(st, named.name, actor, stages)
    if not found:
        where = f" and stage '{named.value}'" if stages else ""
        raise NotFound(f"No versions of model with name '{named.name}'{where} found", field="name", value=named.name)
    return max(found, key=lambda version: version.version)


def resolve_uri(st: Statements, uri: str, actor: Actor) -> RegisteredVersion:
    """Return the version of ``models:/NAME/VERSION``, ``models:/NAME@ALIAS``, ``models:/NAME/STAGE`` or
    ``models:/NAME/latest``; raises BadInput for another form, NotFound for what the caller cannot see."""
    named = parse_model_uri(uri)
    if isinstance(named, LoggedFolder):
        raise refused(uri, "It names a logged model; register it first.")
    return resolve(st, named, actor)


def versions_of_run(st: Statements, run_ids: Sequence[str], actor: Actor) -> dict[str, list[RegisteredVersion]]:
    """Return the versions that runs made and the caller may see, by run."""
    found: dict[str, list[RegisteredVersion]] = {run_id: [] for run_id in run_ids}
    for version in versions.of_runs(st, list(found), actor.teams(READ)):
        found[version.run_id or ""].append(version)
    return found
