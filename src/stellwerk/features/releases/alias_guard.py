"""What an alias of a registered model may point at where a service depends on it.

The aliases ``champion`` and ``canary`` of a service's own model show its route: pointing one at a version is a
release, by the same rules as any other. ``production``, ``prod`` and ``live`` may point only at approved versions, and
so may these names on a model that was trained elsewhere and went a service's way.
"""

from __future__ import annotations

import unicodedata

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.releases import repository, service
from stellwerk.features.releases.transitions import APPROVED, CANARY, CHAMPION, RETIRED
from stellwerk.features.services import find_service
from stellwerk.features.trainings import runs_that_adopted
from stellwerk.infra.installation import Installation
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Conflict, Forbidden, NotFound, StellwerkError

ROUTE = (CHAMPION, CANARY)
GOVERNED = frozenset({*ROUTE, "production", "prod", "live"})
_ONCE_APPROVED = (APPROVED, CANARY, CHAMPION, RETIRED)
_DEFAULT_SHARE = 0.1


class ReleaseGuard:
    """Holds changes of the registry to the rules of releases."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def before_create(self, model: str, actor: Actor) -> None:
        """Refuse versions of a service's own model that do not come from its way."""
        if actor.kind == "job":
            return
        with self._installation.database.read() as connection:
            if find_service(connection, model) is not None:
                raise Conflict(f"The versions of {model!r} are made by the service of that name.", field="name",
                               value=model, hint="Register under another name, or: stellwerk ship FOLDER")

    def before_alias(self, model: str, alias: str, version: int | None, actor: Actor) -> None:
        """Refuse a governed alias on a version that is not approved; release it where the alias is the route's."""
        # Letters that only look like others make no other alias here.
        name = unicodedata.normalize("NFKC", alias).casefold()
        if name not in GOVERNED:
            return
        with self._installation.database.read() as connection:
            owner = find_service(connection, model)
            if owner is None:
                self._check_adopted(connection, model, alias, version)
                return
            if name not in ROUTE:
                if version is not None:
                    _check_approved(connection, model, version, alias)
                return
            if version is None:
                raise Conflict(f"The alias {alias!r} of {model!r} shows what the service answers with, and goes when "
                               "that changes.", field="alias", value=alias, hint=f"stellwerk rollback {model}")
            standing = _revision(connection, model, version, alias)
            if standing["state"] == name:
                return
        self._release(model, version, name, actor, owner["team"])

    def before_stage(self, model: str, stage: str, version: int, actor: Actor) -> None:
        """Refuse the stage Production for a version that is not approved, and another stage for one that is live."""
        with self._installation.database.read() as connection:
            owner = find_service(connection, model)
            if stage == "Production":
                if owner is None:
                    self._check_adopted(connection, model, stage, version)
                else:
                    _check_approved(connection, model, version, stage)
            elif owner is not None:
                _check_not_live(connection, model, version)

    def before_delete(self, model: str, version: int | None, actor: Actor) -> None:
        """Refuse to delete or rename what a service made, and what a service that is live was made from."""
        with self._installation.database.read() as connection:
            if find_service(connection, model) is not None:
                raise Conflict(f"{model!r} is the record of the service of that name; its versions are kept.",
                               field="name", value=model)
            for adopted, run_ids in runs_that_adopted(connection, model).items():
                live = [row for row in repository.of_runs(connection, run_ids) if row["state"] in ROUTE]
                if live and version in (None, adopted):
                    raise Conflict(f"Version {adopted} of {model!r} answers as version {live[0]['version']} of the "
                                   f"service {live[0]['service']}.", field="version", value=adopted,
                                   hint=f"Release another version of {live[0]['service']} first.")

    def _release(self, model: str, version: int, name: str, actor: Actor, team: str) -> None:
        if not actor.may("releases.write", team):
            raise Forbidden(f"{actor.name} lacks the permission 'releases.write' in the team {team!r}.",
                            field="permission", value="releases.write", hint="Ask an admin for a role that grants it.")
        try:
            with self._installation.database.write(actor) as work:
                revision = service.newest_revision(work.connection, model, version)
                share = revision["serving"]["canary"] or _DEFAULT_SHARE if name == CANARY else None
                service.release_revision(work, revision, share=share)
        except StellwerkError as error:
            raise _refused(model, version, name, error.message) from error

    def _check_adopted(self, connection: Connection, model: str, alias: str, version: int | None) -> None:
        adopted = runs_that_adopted(connection, model)
        if not adopted or version is None:
            return
        rows = repository.of_runs(connection, adopted.get(version, []))
        if not any(row["state"] in _ONCE_APPROVED for row in rows):
            services = ", ".join(sorted({row["service"] for runs in adopted.values()
                                         for row in repository.of_runs(connection, runs)}))
            raise _refused(model, version, alias, f"no approved version of {services} was made from it.",
                           f"Name models:/{model}/{version} in the manifest, ship it and let it be approved.")


def _revision(connection: Connection, model: str, version: int, alias: str) -> RowMapping:
    try:
        return service.newest_revision(connection, model, version)
    except NotFound as error:
        raise _refused(model, version, alias, error.message) from error


def _check_approved(connection: Connection, model: str, version: int, alias: str) -> None:
    found = _revision(connection, model, version, alias)
    if found["state"] not in _ONCE_APPROVED:
        raise _refused(model, version, alias, f"it is {found['state']}, not approved.")


def _check_not_live(connection: Connection, model: str, version: int) -> None:
    for row in repository.of_version(connection, model, version):
        if row["state"] in ROUTE:
            raise Conflict(f"Version {version} of {model!r} answers as {row['state']}.", field="stage", value=version,
                           hint="Release another version first.")


def _refused(model: str, version: int, alias: str, why: str, hint: str | None = None) -> Conflict:
    return Conflict(f"{alias!r} of {model!r} cannot point at version {version}: {why}", field="version", value=version,
                    hint=hint or f"stellwerk show {model} {version} says what it waits for.")
