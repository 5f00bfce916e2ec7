"""Moving revisions along their states; nothing else changes a state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.approvals import approvals_of, sign
from stellwerk.features.evaluations import accept_gate, accepted_gates, get_evaluation
from stellwerk.features.models import get_version_by_id
from stellwerk.features.releases import repository, tables
from stellwerk.features.releases import transitions as states
from stellwerk.features.releases.facts import Facts
from stellwerk.features.releases.transitions import TRANSITIONS
from stellwerk.features.services import authors_between
from stellwerk.features.trainings import adoption_of
from stellwerk.infra.database import Work
from stellwerk.kernel import clock
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Conflict, NotFound
from stellwerk.kernel.hashing import digest_of
from stellwerk.kernel.ids import new_id

Signer = Callable[[bytes], bytes]


def content_digest(values: Mapping[str, Any], *, onnx: str, evaluation: Mapping[Any, Any]) -> str:
    """Return the digest that an approval signs: version, evaluation, gates, threshold and manifest."""
    return digest_of({
        "service": values["service"], "version": values["version"], "onnx": onnx, "threshold": values["threshold"],
        "manifest": values["manifest"], "serving": values["serving"], "evaluation": evaluation["id"],
        "result": digest_of(evaluation["result"]), "gates": evaluation["verdicts"]})


def propose(work: Work, values: Mapping[str, Any]) -> RowMapping:
    """Keep what an evaluation led to as a candidate, or return the one kept before a restart."""
    known = repository.of_evaluation(work.connection, values["evaluation_id"])
    if known is not None:
        return known
    version = get_version_by_id(work.connection, values["model_version_id"])
    evaluation = get_evaluation(work.connection, values["evaluation_id"])
    revision_id = new_id()
    full = {**values, "version": version["number"]}
    repository.add(work.connection, {
        **full, "id": revision_id, "number": repository.next_number(work.connection, values["service"]),
        "content_digest": content_digest(full, onnx=version["onnx"], evaluation=evaluation),
        "state": states.CANDIDATE, "state_at": work.now_us, "created_at": work.now_us})
    ledger.record(work, "revision.proposed", tables.revision, revision_id)
    return get_revision(work.connection, revision_id)


def get_revision(connection: Connection, revision_id: str) -> RowMapping:
    """Return a revision; raises NotFound."""
    found = repository.get(connection, revision_id)
    if found is None:
        raise NotFound("There is no revision with this id.", field="revision", value=revision_id)
    return found


def newest_revision(connection: Connection, service: str, version: int) -> RowMapping:
    """Return the newest revision of a model version; raises NotFound where it was never evaluated."""
    found = repository.of_version(connection, service, version)
    if not found:
        raise NotFound(f"{service} has no evaluated version {version}.", field="version", value=version,
                       hint=f"stellwerk versions {service} lists them.")
    return found[0]


def champion_revision(connection: Connection, service: str) -> RowMapping | None:
    """Return the revision that is champion now, or None."""
    route = repository.get_route(connection, service)
    return None if route is None else get_revision(connection, route["champion"])


def champion_version(connection: Connection, service: str) -> int | None:
    """Return the number of the version that is champion now, or None."""
    champion = champion_revision(connection, service)
    return None if champion is None else int(champion["version"])


def gather(connection: Connection, actor: Actor, revision: RowMapping, now_us: int, **wish: Any) -> Facts:
    """Gather what the rules look at for one revision; ``wish`` is what the caller sent along."""
    evaluation = get_evaluation(connection, revision["evaluation_id"])
    since = repository.last_approved_at(connection, revision["service"], revision["number"])
    builders = authors_between(connection, revision["service"], since, revision["created_at"])
    asked = {revision["person_id"]} if revision["person_id"] else set()
    adopted = adoption_of(connection, revision["run_id"])
    if adopted is not None:
        # Who trained a model elsewhere has built it as much as who wrote the manifest.
        asked |= set(adopted["made_by"])
    return Facts(
        actor=actor, revision=revision, verdicts=evaluation["verdicts"],
        parity=get_version_by_id(connection, revision["model_version_id"])["parity"],
        accepted=accepted_gates(connection, evaluation["id"], now_us),
        approvals=approvals_of(connection, "revision", [revision["id"]]),
        newest_of_version=newest_revision(connection, revision["service"], revision["version"])["id"],
        route=repository.get_route(connection, revision["service"]), builders=frozenset(builders | asked), **wish)


def _move(work: Work, revision_id: str, name: str, **columns: Any) -> None:
    repository.change(work.connection, revision_id, state=TRANSITIONS[name].target, state_at=work.now_us, **columns)
    ledger.record(work, f"revision.{name}", tables.revision, revision_id)


def approve(work: Work, signer: Signer, service: str, version: int, *, reason: str, digest: str | None = None,
            accept: frozenset[str] = frozenset(), until: str | None = None) -> RowMapping:
    """Give one person's yes; the revision becomes approved with the last yes that is needed.

    Raises the refusal of the first rule that does not hold; nothing is kept then.
    """
    revision = newest_revision(work.connection, service, version)
    facts = gather(work.connection, work.actor, revision, work.now_us, seen_digest=digest, reason=reason,
                   accepts_now=accept)
    TRANSITIONS["approve"].check(facts)
    until_us = _expiry(until, work.now) if accept else 0
    for gate in sorted(accept):
        accept_gate(work, revision["evaluation_id"], gate, reason, until_us)
    role = facts.own_role
    if role is not None:
        sign(work, signer, subject_type="revision", subject_id=revision["id"], digest=facts.digest, role=role,
             verdict="approve", reason=reason)
    if len(facts.missing_roles) == (1 if role is not None else 0) and facts.required_roles:
        _move(work, revision["id"], "approve", approved_at=work.now_us)
    return get_revision(work.connection, revision["id"])


def _expiry(until: str | None, now: datetime) -> int:
    try:
        day = datetime.fromisoformat(until or "").date()
    except ValueError:
        raise BadInput("An accepted gate needs the date until which it holds.", field="until", value=until,
                       allowed="a date like 2027-01-31") from None
    moment = datetime.combine(day, time.max, tzinfo=now.tzinfo)
    if moment <= now:
        raise BadInput("The date until which the gate is accepted has passed.", field="until", value=until,
                       allowed="a day from today on")
    return clock.to_us(moment)


def reject(work: Work, signer: Signer, service: str, version: int, *, reason: str,
           digest: str | None = None) -> RowMapping:
    """Give one person's no, which ends the candidate."""
    revision = newest_revision(work.connection, service, version)
    facts = gather(work.connection, work.actor, revision, work.now_us, seen_digest=digest, reason=reason)
    TRANSITIONS["reject"].check(facts)
    role = next(role for role in facts.required_roles if (revision["team"], role) in work.actor.roles)
    sign(work, signer, subject_type="revision", subject_id=revision["id"], digest=facts.digest, role=role,
         verdict="reject", reason=reason)
    _move(work, revision["id"], "reject")
    return get_revision(work.connection, revision["id"])


def release(work: Work, service: str, version: int, *, share: float | None = None) -> RowMapping:
    """Let a revision answer: a share of the requests as canary, or all as champion.

    Raises the refusal of the first rule that does not hold; the route stays as it is then.
    """
    revision = newest_revision(work.connection, service, version)
    return release_revision(work, revision, share=share)


def release_revision(work: Work, revision: RowMapping, *, share: float | None) -> RowMapping:
    """Release one given revision; see ``release``."""
    name = "champion" if share is None else "canary"
    facts = gather(work.connection, work.actor, revision, work.now_us, share=share)
    TRANSITIONS[name].check(facts)
    if name == "canary":
        _move(work, revision["id"], "canary")
        _set_route(work, revision, champion=str(facts.route["champion"]) if facts.route else "",
                   canary=revision["id"], share=float(share or 0.0))
    else:
        _make_champion(work, revision, facts, "champion")
    return get_revision(work.connection, revision["id"])


def _make_champion(work: Work, revision: RowMapping, facts: Facts, name: str) -> None:
    if facts.route is not None:
        for former in {facts.route["champion"], facts.route["canary"]} - {None, revision["id"]}:
            _move(work, former, "retire")
    _move(work, revision["id"], name, champion_at=work.now_us)
    _set_route(work, revision, champion=revision["id"], canary=None, share=0.0)


def _set_route(work: Work, revision: RowMapping, *, champion: str, canary: str | None, share: float) -> None:
    service = revision["service"]
    values = {"champion": champion, "canary": canary, "share": share, "changed_at": work.now_us}
    if repository.get_route(work.connection, service) is None:
        repository.add_route(work.connection, {"id": service, "team": revision["team"], **values})
    else:
        repository.change_route(work.connection, service, **values)
    ledger.record(work, "route.changed", tables.route, service, payload={"champion": champion, "canary": canary,
                                                                          "share": share})


def rollback(work: Work, service: str, *, version: int | None, reason: str) -> RowMapping:
    """End a running canary, or go back to a former champion; a once approved one needs no new approval.

    Without ``version`` a canary is ended if there is one, else the champion before the present one returns.
    """
    if len(reason.strip()) < 3:
        raise BadInput("A reason is missing.", field="reason", value=reason, allowed="at least 3 characters")
    current = repository.get_route(work.connection, service)
    if current is None:
        raise Conflict(f"{service} is not live, so there is nothing to roll back.", field="service", value=service)
    if version is None and current["canary"] is not None:
        return _end_canary(work, current)
    target = _former(work.connection, service, version)
    if target is None:
        raise Conflict("There is no former champion to go back to.", field="version", value=version,
                       hint=f"stellwerk versions {service} shows what was live.")
    facts = gather(work.connection, work.actor, target, work.now_us, reason=reason)
    TRANSITIONS["rollback"].check(facts)
    _make_champion(work, target, facts, "rollback")
    return get_revision(work.connection, target["id"])


def _former(connection: Connection, service: str, version: int | None) -> RowMapping | None:
    if version is None:
        return repository.latest_retired(connection, service)
    rows = [row for row in repository.of_version(connection, service, version) if row["champion_at"] is not None]
    return rows[0] if rows else None


def _end_canary(work: Work, current: RowMapping) -> RowMapping:
    canary = get_revision(work.connection, current["canary"])
    _move(work, canary["id"], "retire")
    champion = get_revision(work.connection, current["champion"])
    _set_route(work, champion, champion=champion["id"], canary=None, share=0.0)
    return champion
