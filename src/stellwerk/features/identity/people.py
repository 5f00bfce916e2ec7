"""People, teams and who is what where."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.identity import repository, tables
from stellwerk.features.identity.names import check_name, check_title
from stellwerk.features.identity.permissions import check_role, permissions_of
from stellwerk.infra.database import Work
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import Conflict, NotFound
from stellwerk.kernel.ids import new_id

ADMIN = "admin"


def get_person(connection: Connection, name: str) -> RowMapping:
    """Return the person of a sign-in name; raises NotFound."""
    found = repository.person_named(connection, name)
    if found is None:
        raise NotFound(f"There is no person {name[:80]!r}.", field="person", value=name[:80],
                       hint="stellwerk user list shows who is known; stellwerk user add NAME adds one.")
    return found


def add_person(work: Work, name: str, title: str | None = None) -> str:
    """Add a person, who can do nothing yet, and return the id; raises Conflict for a name in use."""
    check_name(name, "name")
    if repository.person_named(work.connection, name) is not None:
        raise Conflict(f"There is a person {name!r} already.", field="name", value=name, hint="Choose another name.")
    person_id = new_id()
    repository.add(work.connection, tables.person, {
        "id": person_id, "name": name, "title": check_title(title or name, "title"), "active": True,
        "created_at": work.now_us})
    ledger.record(work, "person.added", tables.person, person_id)
    return person_id


def ensure_person(work: Work, name: str, role: str, team: str | None) -> None:
    """Make sure that a person of this sign-in name exists and holds the role."""
    if repository.person_named(work.connection, name) is None:
        add_person(work, name)
    grant(work, name, role, team)


def set_active(work: Work, name: str, active: bool) -> None:
    """Let a person in again, or shut out the person with all sessions and tokens."""
    found = get_person(work.connection, name)
    if found["active"] == active:
        return
    repository.change(work.connection, tables.person, found["id"], active=active)
    repository.end_sessions(work.connection, found["id"], work.now_us)
    ledger.record(work, "person.activated" if active else "person.deactivated", tables.person, found["id"])


def ensure_team(work: Work, name: str, title: str | None = None) -> str:
    """Make a team unless it exists, and return its name."""
    check_name(name, "team")
    if repository.by_id(work.connection, tables.team, name) is None:
        repository.add(work.connection, tables.team, {
            "id": name, "title": check_title(title or name, "title"), "created_at": work.now_us})
        ledger.record(work, "team.created", tables.team, name)
    return name


def list_teams(connection: Connection) -> list[dict[str, Any]]:
    """Return all teams by name."""
    return [{"name": row["id"], "title": row["title"]} for row in repository.teams(connection)]


def grant(work: Work, name: str, role: str, team: str | None = None) -> None:
    """Give a person a role in a team, or for the whole installation; does nothing when it is held already.

    The team is made when it does not exist.
    """
    check_role(role, team)
    found = get_person(work.connection, name)
    if team is not None:
        ensure_team(work, team)
    if (team, role) in roles_of(work.connection, found["id"]):
        return
    membership_id = new_id()
    repository.add(work.connection, tables.membership, {
        "id": membership_id, "person_id": found["id"], "team": team, "role": role, "granted_by": work.actor.name,
        "granted_at": work.now_us})
    ledger.record(work, "role.granted", tables.membership, membership_id)


def withdraw(work: Work, name: str, role: str, team: str | None = None) -> None:
    """Take a role from a person; raises NotFound when it is not held, Conflict for the last admin."""
    found = get_person(work.connection, name)
    held = [row for row in repository.roles(work.connection, found["id"])
            if (row["team"], row["role"]) == (team, role)]
    if not held:
        raise NotFound(f"{name} does not hold the role {role!r} there.", field="role", value=role[:80])
    if role == ADMIN and len([row for row in repository.roles(work.connection) if row["role"] == ADMIN]) == 1:
        raise Conflict("This is the last admin.", field="role", value=role, hint="Make another admin first.")
    for row in held:
        repository.change(work.connection, tables.membership, row["id"], revoked_at=work.now_us)
        ledger.record(work, "role.withdrawn", tables.membership, row["id"])


def roles_of(connection: Connection, person_id: str) -> frozenset[tuple[str | None, str]]:
    """Return the (team, role) pairs that a person holds."""
    return frozenset((row["team"], row["role"]) for row in repository.roles(connection, person_id))


def person_actor(connection: Connection, row: RowMapping) -> Actor:
    """Return a person as the one who acts."""
    roles = roles_of(connection, row["id"])
    return Actor(kind="person", id=row["id"], name=row["title"], person_id=row["id"], roles=roles,
                 permissions=permissions_of(roles))


def actor_named(connection: Connection, name: str) -> Actor:
    """Return the actor of a sign-in name, for commands on a home folder; raises NotFound."""
    return person_actor(connection, get_person(connection, name))


def names_of(connection: Connection, ids: frozenset[str]) -> dict[str, str]:
    """Return the titles of people by id."""
    return {row["id"]: row["title"] for row in repository.people_by_ids(connection, ids)}


def list_people(connection: Connection) -> list[dict[str, Any]]:
    """Return all people with their roles, as API and CLI show them."""
    held: dict[str, list[dict[str, Any]]] = {}
    for row in repository.roles(connection):
        held.setdefault(row["person_id"], []).append({"role": row["role"], "team": row["team"]})
    return [{"name": row["name"], "title": row["title"], "active": row["active"],
             "has_password": row["password_hash"] is not None, "created_at": iso_us(row["created_at"]),
             "roles": held.get(row["id"], [])} for row in repository.people(connection)]
