"""REST of identity: who am I, people and their roles, tokens, teams."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from stellwerk.features.identity import people, sessions, tokens, wire
from stellwerk.infra.http.dependencies import CurrentActor, ReadConnection, WriteWork
from stellwerk.infra.http.routing import api_routes
from stellwerk.kernel.route import allow

routes = api_routes(tag="identity")
LINK_PATH = sessions.LINK_PATH


@routes.get("/me", allow("services.read"), response_model=wire.Me)
def me(actor: CurrentActor) -> dict[str, Any]:
    """Who stands behind this token, and what it may do."""
    names = sorted({permission for _, permission in actor.permissions})
    allowed = {name: None if (teams := actor.teams(name)) is None else sorted(teams) for name in names}
    roles = sorted(actor.roles, key=lambda pair: (pair[0] or "", pair[1]))
    held = [{"role": role, "team": team} for team, role in roles]
    return {"kind": actor.kind, "id": actor.id, "name": actor.name, "person": actor.person_id, "roles": held,
            "permissions": allowed}


@routes.get("/users", allow("identity.read", "installation"), response_model=list[wire.User])
def list_users(connection: ReadConnection) -> list[dict[str, Any]]:
    """All people with their roles."""
    return people.list_people(connection)


@routes.post("/users", allow("identity.admin", "installation"), status_code=201, response_model=wire.NewUser)
def add_user(body: wire.NewUser, work: WriteWork) -> dict[str, Any]:
    """Add a person; give roles next, then a one-time link."""
    people.add_person(work, body.name, body.title)
    return {"name": body.name, "title": body.title or body.name}


@routes.post("/users/{name}/link", allow("identity.admin", "installation"), status_code=201,
             response_model=wire.LoginLink)
def make_link(name: str, work: WriteWork) -> dict[str, str]:
    """Make a one-time link for a person without a password; earlier links end."""
    return {"path": LINK_PATH + sessions.make_link(work, name).reveal()}


@routes.post("/users/{name}/roles", allow("identity.admin", "installation"), status_code=201,
             response_model=wire.HeldRole)
def grant_role(name: str, body: wire.HeldRole, work: WriteWork) -> wire.HeldRole:
    """Give a person a role."""
    people.grant(work, name, body.role, body.team)
    return body


@routes.delete("/users/{name}/roles", allow("identity.admin", "installation"), status_code=204)
def withdraw_role(name: str, work: WriteWork, role: Annotated[wire.Role, Query()],
                  team: Annotated[str | None, Query(max_length=63)] = None) -> None:
    """Take a role from a person."""
    people.withdraw(work, name, role, team)


@routes.put("/users/{name}/state", allow("identity.admin", "installation"), response_model=wire.UserState)
def set_state(name: str, body: wire.UserState, work: WriteWork) -> wire.UserState:
    """Shut a person out with all sessions and tokens, or let the person in again."""
    people.set_active(work, name, body.active)
    return body


@routes.get("/tokens", allow("identity.read", "installation"), response_model=list[wire.Token])
def list_tokens(connection: ReadConnection) -> list[dict[str, Any]]:
    """All tokens, newest first, without their text."""
    return tokens.list_tokens(connection)


@routes.post("/tokens", allow("identity.admin", "installation"), status_code=201, response_model=wire.TokenCreated)
def create_token(body: wire.NewTokenRequest, work: WriteWork) -> dict[str, Any]:
    """Make a token for a service account; its text is shown this once."""
    made = tokens.create_token(work, body.name, body.role, team=body.team, days=body.days)
    return {"id": made.id, "name": made.name, "token": made.secret.reveal(), "expires_at": made.expires_at}


@routes.delete("/tokens/{name}", allow("identity.admin", "installation"), status_code=204)
def revoke_token(name: str, work: WriteWork) -> None:
    """Revoke the valid token of a name or id."""
    tokens.revoke_token(work, name)


@routes.get("/teams", allow("services.read"), response_model=list[wire.Team])
def list_teams(connection: ReadConnection) -> list[dict[str, Any]]:
    """All teams."""
    return people.list_teams(connection)
