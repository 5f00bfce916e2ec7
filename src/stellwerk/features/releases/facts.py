"""What the rules of a transition look at, gathered once inside its transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stellwerk.kernel.actor import Actor


@dataclass(frozen=True)
class Facts:
    """A revision, what was judged and signed about it, what else goes on, and who wants what."""

    actor: Actor
    revision: Mapping[Any, Any]
    verdicts: Sequence[Mapping[Any, Any]]
    parity: Mapping[Any, Any]
    accepted: Mapping[str, Mapping[Any, Any]]
    approvals: Sequence[Mapping[Any, Any]]
    newest_of_version: str
    route: Mapping[Any, Any] | None
    builders: frozenset[str]
    seen_digest: str | None = None
    reason: str = ""
    share: float | None = None
    accepts_now: frozenset[str] = field(default=frozenset())

    @property
    def digest(self) -> str:
        """The digest that an approval signs."""
        return str(self.revision["content_digest"])

    @property
    def required_roles(self) -> tuple[str, ...]:
        """Roles of which each must say yes; empty where the manifest asks for no approval."""
        approval = self.revision["approval"]
        return tuple(approval["roles"]) if approval else ()

    @property
    def four_eyes(self) -> bool:
        """Whether builders are kept from approving their own work."""
        approval = self.revision["approval"]
        return bool(approval and approval["four_eyes"])

    @property
    def given(self) -> list[Mapping[Any, Any]]:
        """The yeses that sign this very digest."""
        return [row for row in self.approvals if row["verdict"] == "approve" and row["digest"] == self.digest]

    @property
    def missing_roles(self) -> list[str]:
        """Roles whose yes is still missing, in the manifest's order."""
        have = [row["role"] for row in self.given]
        missing = []
        for role in self.required_roles:
            if role in have:
                have.remove(role)
            else:
                missing.append(role)
        return missing

    @property
    def own_role(self) -> str | None:
        """The missing role that the actor can fill."""
        team = self.revision["team"]
        return next((role for role in self.missing_roles if (team, role) in self.actor.roles), None)
