"""API tokens: 256 random bits, kept as SHA-256, with one role in one team or everywhere, and an end."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.identity import people, repository, tables
from stellwerk.features.identity.names import check_name
from stellwerk.features.identity.permissions import check_role, permissions_of
from stellwerk.infra.database import Work
from stellwerk.kernel import clock
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden, NotFound
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.ids import new_id
from stellwerk.kernel.secret import Secret

PREFIX = "stw_"
DAYS = 90
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class NewToken:
    """A token at the only moment when its text is known."""

    id: str
    name: str
    secret: Secret
    expires_at: str | None


@dataclass(frozen=True)
class KnownToken:
    """A valid token as other processes need it: never its text. ``expires_at_us`` is microseconds since 1970."""

    id: str
    name: str
    sha256: str
    team: str | None
    expires_at_us: int


def create_token(work: Work, name: str, role: str, *, team: str | None = None, person: str | None = None,
                 days: int = DAYS) -> NewToken:
    """Make a token with one role; with ``person`` (a sign-in name) it acts on behalf of that person.

    Without a person it is a service account, which approves nothing. A person's token can only be made by that
    person or on the home folder itself, and holds only while the person has the role.
    Raises BadInput, Forbidden, or Conflict for a name in use.
    """
    check_name(name, "name")
    check_role(role, team)
    if not 1 <= days <= 3650:
        raise BadInput("A token lives 1 to 3650 days.", field="days", value=days, allowed="1 to 3650")
    if repository.tokens_named(work.connection, name, work.now_us):
        raise Conflict(f"There is a valid token {name!r} already.", field="name", value=name,
                       hint=f"Choose another name, or revoke it first: stellwerk token revoke {name}")
    person_id = _owner(work, person, role, team) if person is not None else None
    if team is not None:
        people.ensure_team(work, team)
    secret = Secret(PREFIX + secrets.token_urlsafe(32))
    token_id = new_id()
    expires_at = work.now_us + days * _DAY_US
    repository.add(work.connection, tables.token, {
        "id": token_id, "name": name, "sha256": sha256_hex(secret.reveal().encode()), "person_id": person_id,
        "role": role, "team": team, "created_by": work.actor.name, "created_at": work.now_us,
        "expires_at": expires_at})
    ledger.record(work, "token.created", tables.token, token_id)
    return NewToken(id=token_id, name=name, secret=secret, expires_at=clock.iso_us(expires_at))


def _owner(work: Work, person: str, role: str, team: str | None) -> str:
    found = people.get_person(work.connection, person)
    owner = people.person_actor(work.connection, found)
    if work.actor.kind != "system" and not (work.actor.kind == "person" and work.actor.id == owner.id):
        # Otherwise an admin could approve in another's name.
        raise Forbidden("Only the person can make a token that acts in the person's name.", field="person",
                        value=person, hint="Leave the person out for a service account.")
    if not owner.has(role, team):
        raise BadInput(f"{person} does not hold the role {role!r} there.", field="role", value=role,
                       allowed=sorted({held for where, held in owner.roles if where in (team, None)}),
                       hint="Grant the role first: stellwerk user grant NAME ROLE --team TEAM")
    return owner.id


def revoke_token(work: Work, name_or_id: str) -> str:
    """Revoke the valid token of a name or id and return its id; raises NotFound."""
    found = [row for row in repository.tokens(work.connection, valid_at=work.now_us)
             if name_or_id in (row["id"], row["name"])]
    if not found:
        raise NotFound(f"There is no valid token {name_or_id[:80]!r}.", field="token", value=name_or_id[:80],
                       hint="stellwerk token list shows the tokens.")
    repository.change(work.connection, tables.token, found[0]["id"], revoked_at=work.now_us)
    ledger.record(work, "token.revoked", tables.token, found[0]["id"])
    return str(found[0]["id"])


def list_tokens(connection: Connection) -> list[dict[str, Any]]:
    """Return all tokens, newest first, without their hashes."""
    now_us = clock.to_us(clock.now())
    rows = repository.tokens(connection)
    owners = people.names_of(connection, frozenset(row["person_id"] for row in rows if row["person_id"]))
    return [{"id": row["id"], "name": row["name"], "role": row["role"], "team": row["team"],
             "person": owners.get(row["person_id"]), "created_by": row["created_by"],
             "created_at": clock.iso_us(row["created_at"]), "expires_at": clock.iso_us(row["expires_at"]),
             "revoked_at": clock.iso_us(row["revoked_at"]), "state": _state(row, now_us)} for row in rows]


def _state(row: RowMapping, now_us: int) -> str:
    if row["revoked_at"] is not None:
        return "revoked"
    return "valid" if row["expires_at"] > now_us else "expired"


def actor_of_token(connection: Connection, token: Secret) -> Actor | None:
    """Return who stands behind a token, or None for one that is unknown, expired, revoked or without its role."""
    digest = sha256_hex(token.reveal().encode("utf-8", "surrogatepass"))
    row = repository.by_hash(connection, tables.token, digest)
    if row is None or not hmac.compare_digest(row["sha256"], digest):
        return None
    if row["revoked_at"] is not None or row["expires_at"] <= clock.to_us(clock.now()):
        return None
    roles = frozenset({(row["team"], row["role"])})
    name = row["name"]
    if row["person_id"] is not None:
        owner_row = repository.by_id(connection, tables.person, row["person_id"])
        if owner_row is None or not owner_row["active"]:
            return None
        if not people.person_actor(connection, owner_row).has(row["role"], row["team"]):
            return None
        name = owner_row["title"]
    return Actor(kind="token", id=row["id"], name=name, person_id=row["person_id"], roles=roles,
                 permissions=permissions_of(roles))


def tokens_that_may(connection: Connection, permission: str) -> list[KnownToken]:
    """Return the valid tokens whose role grants a permission, for the routing snapshot."""
    rows = repository.tokens(connection, valid_at=clock.to_us(clock.now()))
    known: list[KnownToken] = []
    for row in rows:
        if (row["team"], permission) not in permissions_of([(row["team"], row["role"])]):
            continue
        if row["person_id"] is not None:
            owner = repository.by_id(connection, tables.person, row["person_id"])
            if owner is None or not owner["active"] or not people.person_actor(connection, owner).has(
                    row["role"], row["team"]):
                continue
        known.append(KnownToken(id=row["id"], name=row["name"], sha256=row["sha256"], team=row["team"],
                                expires_at_us=row["expires_at"]))
    return known
