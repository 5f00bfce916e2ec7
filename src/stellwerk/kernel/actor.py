"""Who acts: a person, a token, a job on behalf of someone, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

ActorKind = Literal["person", "token", "job", "system"]


@dataclass(frozen=True)
class Actor:
    """The one who acts in a transaction.

    ``person_id`` names the person behind a token or job, which is what four eyes look at.
    ``roles`` holds (team, role) pairs; a team of None means the whole installation.
    ``permissions`` holds (team, permission) pairs that those roles grant.
    """

    kind: ActorKind
    id: str
    name: str
    person_id: str | None = None
    roles: frozenset[tuple[str | None, str]] = frozenset()
    permissions: frozenset[tuple[str | None, str]] = field(default=frozenset(), repr=False)

    def has(self, role: str, team: str | None) -> bool:
        """Tell whether the actor holds the role in this team or for the installation."""
        return (team, role) in self.roles or (None, role) in self.roles

    def may(self, permission: str, team: str | None) -> bool:
        """Tell whether a role of the actor grants the permission for this team or the installation."""
        return (team, permission) in self.permissions or (None, permission) in self.permissions

    def may_anywhere(self, permission: str) -> bool:
        """Tell whether the actor holds the permission in at least one team."""
        return any(held == permission for _, held in self.permissions)

    def teams(self, permission: str) -> frozenset[str] | None:
        """Return the teams in which the permission is held; None means every team."""
        if (None, permission) in self.permissions:
            return None
        return frozenset(team for team, held in self.permissions if held == permission and team is not None)


SYSTEM = Actor(kind="system", id="system", name="Stellwerk")
