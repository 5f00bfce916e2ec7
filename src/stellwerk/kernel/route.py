"""The rule of a route: which permission on which resource it asks for, or that it is public.

Every route declares its rule through :func:`declare`, whether FastAPI or raw ASGI serves it, and an
application that holds a route without one does not start (:func:`check_declared`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

_PERMISSION = re.compile(r"[a-z_]+(\.[a-z_]+)?\Z")
_RESOURCE = re.compile(r"installation\Z|any\Z|[a-z_]+:[a-z_]+\Z")
_ATTRIBUTE = "__stellwerk_rule__"
_Endpoint = TypeVar("_Endpoint")


@dataclass(frozen=True)
class Rule:
    """What a route asks of its caller.

    ``resource`` is ``installation`` (the permission must hold for the whole installation), ``any`` (in at
    least one team; the handler shows only what the caller's teams own) or ``KIND:PARAMETER``: the team that
    owns the thing of this kind whose name stands in that path parameter, such as ``service:name``.
    For a public route ``permission`` is empty and ``resource`` says why it is open.
    """

    permission: str
    resource: str
    public: bool = False

    @property
    def kind_and_parameter(self) -> tuple[str, str] | None:
        """The kind of thing and the path parameter that names it; None for installation, any and public."""
        if self.public or ":" not in self.resource:
            return None
        kind, _, parameter = self.resource.partition(":")
        return kind, parameter


class UndeclaredRoute(Exception):
    """Routes without a rule; an application that has one must not start."""


def allow(permission: str, resource: str = "any") -> Rule:
    """Return the rule that asks for a permission; raises ValueError for text outside the grammar."""
    if not _PERMISSION.match(permission):
        raise ValueError(f"{permission!r} is no permission: words joined by one dot, as in 'services.read'")
    if not _RESOURCE.match(resource):
        raise ValueError(f"{resource!r} is no resource: 'installation', 'any' or 'kind:parameter'")
    return Rule(permission=permission, resource=resource)


def public(reason: str) -> Rule:
    """Return the rule of a route that everyone may call; raises ValueError when no reason is given."""
    if not reason.strip():
        raise ValueError("a public route says why it is public")
    return Rule(permission="", resource=reason, public=True)


def declare(endpoint: _Endpoint, rule: Rule) -> _Endpoint:
    """Attach the rule to an endpoint and return the endpoint; raises ValueError when it has another rule."""
    known = rule_of(endpoint)
    if known is not None and known != rule:
        raise ValueError(f"{endpoint!r} is declared twice with different rules")
    setattr(endpoint, _ATTRIBUTE, rule)
    return endpoint


def rule_of(endpoint: object) -> Rule | None:
    """Return the rule of an endpoint, or None when it has none."""
    rule = getattr(endpoint, _ATTRIBUTE, None)
    return rule if isinstance(rule, Rule) else None


def check_declared(routes: Iterable[tuple[str, object]]) -> None:
    """Raise UndeclaredRoute naming each (address, endpoint) that has no rule."""
    missing = sorted(address for address, endpoint in routes if rule_of(endpoint) is None)
    if missing:
        raise UndeclaredRoute("routes without a declared rule: " + ", ".join(missing))
