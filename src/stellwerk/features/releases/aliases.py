"""Aliases that follow routes: whatever changed a route, the registry shows it a moment later."""

from __future__ import annotations

from stellwerk.features import registry
from stellwerk.features.releases import repository
from stellwerk.features.releases.transitions import CANARY, CHAMPION
from stellwerk.features.services import list_services
from stellwerk.infra.installation import Installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import SYSTEM

# The tag of the registered model that a service made, with the name of the service.
SERVICE_TAG = "stellwerk.service"


def is_model_of(st: Statements, service: str, team: str) -> bool:
    """Tell whether the registered model of a service's name is the service's own, and not one that was there before."""
    found = registry.find_model(st, service)
    return (found is not None and found.team == team
            and registry.tags_of_model(st, service).get(SERVICE_TAG) == service)


def follow_routes(installation: Installation) -> int:
    """Point ``champion`` and ``canary`` of services' models at what their routes say; returns how many were moved."""
    wanted: dict[str, dict[str, int | None]] = {}
    with installation.database.read() as connection:
        routes = repository.routes(connection)
        teams = {row["id"]: str(row["team"]) for row in list_services(connection)}
        ids = [row[part] for row in routes for part in (CHAMPION, CANARY) if row[part]]
        versions = {row["id"]: row["version"] for row in repository.brief_by_ids(connection, ids)}
    for row in routes:
        wanted[row["id"]] = {part: versions[row[part]] if row[part] else None for part in (CHAMPION, CANARY)}

    def differing(st: Statements) -> list[tuple[str, str, int | None]]:
        found = []
        for model, aliases in wanted.items():
            if not is_model_of(st, model, teams.get(model, "")):
                continue
            known = registry.aliases_of(st, model)
            registered = registry.version_numbers(st, model)
            for alias, version in aliases.items():
                if known.get(alias) != version and (version is None or version in registered):
                    found.append((model, alias, version))
        return found

    def move(st: Statements) -> int:
        moves = differing(st)
        for model, alias, version in moves:
            if version is None:
                registry.drop_alias(st, SYSTEM, model, alias)
            else:
                registry.point_alias(st, SYSTEM, model, alias, version)
        return len(moves)

    # Most changes of the control database move no alias, and reading holds up nobody.
    return installation.tracking.write(move) if installation.tracking.read(differing) else 0
