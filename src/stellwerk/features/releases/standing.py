"""Where services stand on their way, for many at once: what is live, what is under way, what it waits for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.approvals import approvals_of
from stellwerk.features.evaluations import accepted_gates, verdicts_by_id
from stellwerk.features.releases import repository, service
from stellwerk.features.releases.transitions import APPROVED, CANARY, CANDIDATE, TRANSITIONS
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import StellwerkError


@dataclass(frozen=True)
class Standing:
    """One service on its way.

    ``revision`` is the newest one, ``champion`` and ``canary`` are live with ``share`` of the requests for the
    canary. ``blocking`` holds the gates that keep the newest revision: failed, or undecided and not accepted.
    ``missing`` names the roles whose yes it still needs, ``action`` what the reader can do about it now:
    approve, release or nothing.
    """

    revision: RowMapping | None = None
    champion: RowMapping | None = None
    canary: RowMapping | None = None
    share: float = 0.0
    verdict: str | None = None
    verdicts: Sequence[Mapping[str, Any]] = ()
    blocking: Sequence[Mapping[str, Any]] = ()
    required: Sequence[str] = ()
    missing: Sequence[str] = ()
    action: str | None = None


def standings(connection: Connection, actor: Actor, services: Sequence[str], now_us: int) -> dict[str, Standing]:
    """Return where each of the services stands, by name; services without a revision are left out."""
    newest = {row["service"]: row for row in repository.newest_for(connection, services)}
    routes = {row["id"]: row for row in repository.routes_for(connection, services)}
    live_ids = [row[key] for row in routes.values() for key in ("champion", "canary") if row[key]]
    live = {row["id"]: row for row in repository.brief_by_ids(connection, live_ids)}
    judged = verdicts_by_id(connection, [row["evaluation_id"] for row in newest.values()])
    answers: dict[str, list[RowMapping]] = {}
    for answer in approvals_of(connection, "revision", [row["id"] for row in newest.values()]):
        answers.setdefault(answer["subject_id"], []).append(answer)
    found = {}
    for name, revision in newest.items():
        judgement = judged[revision["evaluation_id"]]
        route = routes.get(name)
        standing = Standing(
            revision=revision, champion=live.get(route["champion"]) if route else None,
            canary=live.get(route["canary"]) if route and route["canary"] else None,
            share=route["share"] if route else 0.0, verdict=judgement["verdict"], verdicts=judgement["verdicts"],
            blocking=_blocking(connection, revision, judgement, now_us), required=_roles(revision),
            missing=_missing(revision, answers.get(revision["id"], ())))
        found[name] = _with_action(connection, actor, standing, now_us)
    return found


def _blocking(connection: Connection, revision: RowMapping, judgement: RowMapping,
              now_us: int) -> list[Mapping[str, Any]]:
    failed = [row for row in judgement["verdicts"] if row["verdict"] == "fail"]
    undecided = [row for row in judgement["verdicts"] if row["verdict"] == "undecided"]
    if not undecided:
        return failed
    accepted = accepted_gates(connection, revision["evaluation_id"], now_us)
    return failed + [row for row in undecided if row["gate"] not in accepted]


def _roles(revision: RowMapping) -> tuple[str, ...]:
    return tuple(revision["approval"]["roles"]) if revision["approval"] else ()


def _missing(revision: RowMapping, answers: Sequence[RowMapping]) -> tuple[str, ...]:
    have = [row["role"] for row in answers
            if row["verdict"] == "approve" and row["digest"] == revision["content_digest"]]
    missing = []
    for role in _roles(revision):
        if role in have:
            have.remove(role)
        else:
            missing.append(role)
    return tuple(missing)


def _with_action(connection: Connection, actor: Actor, standing: Standing, now_us: int) -> Standing:
    revision = standing.revision
    assert revision is not None
    # Only where the answer can be yes at all does it pay to gather all facts.
    name = None
    if revision["state"] == CANDIDATE and standing.missing and not standing.blocking and any(
            (revision["team"], role) in actor.roles for role in standing.missing):
        name = "approve"
    elif actor.may("releases.write", revision["team"]) and not standing.blocking and not standing.missing and (
            revision["state"] in (CANDIDATE, APPROVED, CANARY)):
        name = "champion"
    if name is None:
        return standing
    whole = service.get_revision(connection, revision["id"])
    facts = service.gather(connection, actor, whole, now_us, reason="looking ahead")
    try:
        TRANSITIONS[name].check(facts)
    except StellwerkError:
        return standing
    return Standing(**{**standing.__dict__, "action": "approve" if name == "approve" else "release"})
