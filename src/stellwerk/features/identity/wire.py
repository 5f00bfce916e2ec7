"""What the identity API takes and gives."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Role = Literal["viewer", "builder", "validator", "product_owner", "operator", "admin", "auditor"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewUser(_Strict):
    """A person to add."""

    name: str = Field(max_length=63, description="Sign-in name: a-z 0-9 . _ -")
    title: str | None = Field(default=None, max_length=200, description="The name as people say it")


class HeldRole(_Strict):
    """A role in a team, or for the whole installation when the team is absent."""

    role: Role
    team: str | None = Field(default=None, max_length=63)


class UserState(_Strict):
    """Whether a person is let in."""

    active: bool


class User(BaseModel):
    """A person with all roles."""

    name: str
    title: str
    active: bool
    has_password: bool
    created_at: str
    roles: list[HeldRole]


class LoginLink(BaseModel):
    """The path of a one-time link, shown once and valid 15 minutes."""

    path: str


class NewTokenRequest(_Strict):
    """A service account's token to make."""

    name: str = Field(max_length=63)
    role: Role
    team: str | None = Field(default=None, max_length=63)
    days: int = Field(default=90, ge=1, le=3650, description="Days until it ends")


class TokenCreated(BaseModel):
    """A new token; its text is shown this once."""

    id: str
    name: str
    token: str
    expires_at: str


class Token(BaseModel):
    """A token without its text."""

    id: str
    name: str
    role: str
    team: str | None
    person: str | None
    created_by: str
    created_at: str
    expires_at: str
    revoked_at: str | None
    state: Literal["valid", "expired", "revoked"]


class Team(BaseModel):
    """A team."""

    name: str
    title: str


class Me(BaseModel):
    """Who calls: the roles, and what they permit in which team (null: everywhere)."""

    kind: str
    id: str
    name: str
    person: str | None
    roles: list[HeldRole]
    permissions: dict[str, list[str] | None]
