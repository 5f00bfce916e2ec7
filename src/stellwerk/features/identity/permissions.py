"""Which role may do what: the one table. A role is held in a team, or for the whole installation."""

from __future__ import annotations

from collections.abc import Iterable

from stellwerk.kernel.errors import BadInput

_READ = frozenset({"services.read", "jobs.read", "runs.read", "models.read"})
_TRACK = frozenset({"runs.write", "models.write"})
# Webhooks tell of every team's models, so their routes ask for the permission on the whole installation.
_WEBHOOKS = frozenset({"webhooks.read", "webhooks.write"})
_EVIDENCE = _READ | {"decisions.read", "ledger.read"}

ROLES: dict[str, frozenset[str]] = {
    # Sees services, versions, evaluations and jobs; no decisions, since those speak of persons.
    "viewer": _READ,
    # Brings code and data, starts jobs, asks for releases; the rules of a release hold whoever asks.
    "builder": _EVIDENCE | _TRACK | _WEBHOOKS | {"objects.write", "jobs.create", "jobs.cancel", "releases.write",
                                                 "decide"},
    "validator": _EVIDENCE | {"versions.approve"},
    "product_owner": _EVIDENCE | {"versions.approve"},
    "operator": _EVIDENCE | {"jobs.cancel", "releases.write", "decide", "metrics.read"},
    # Grants and runs the platform; approves only where the same person also holds a role that does.
    "admin": _EVIDENCE | _TRACK | _WEBHOOKS | {"objects.write", "jobs.create", "jobs.cancel", "releases.write",
                                               "decide", "metrics.read", "identity.read", "identity.admin",
                                               "transfer.write"},
    "auditor": _EVIDENCE | {"identity.read", "metrics.read", "webhooks.read"},
}
# These stand for the whole installation and are never held in one team.
INSTALLATION_ROLES = frozenset({"admin", "auditor"})


def check_role(role: str, team: str | None) -> None:
    """Raise BadInput for an unknown role, or for a role of the installation that is given in a team."""
    if role not in ROLES:
        raise BadInput(f"There is no role {role!r}.", field="role", value=role[:80], allowed=sorted(ROLES))
    if role in INSTALLATION_ROLES and team is not None:
        raise BadInput(f"The role {role!r} stands for the whole installation.", field="team", value=team,
                       allowed="no team", hint="Leave the team out.")


def permissions_of(roles: Iterable[tuple[str | None, str]]) -> frozenset[tuple[str | None, str]]:
    """Return the (team, permission) pairs that (team, role) pairs grant; roles no longer known grant nothing."""
    return frozenset((team, permission) for team, role in roles for permission in ROLES.get(role, frozenset()))
