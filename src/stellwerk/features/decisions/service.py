"""Finding decisions, with what stands behind each, for those who may see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection

from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.record import Record
from stellwerk.features.decisions.explanations import explain_record
from stellwerk.features.ledger import DecisionPart, anchor_of, build_pack
from stellwerk.features.releases import get_revision, records_behind, revision_evidence
from stellwerk.features.services import find_service, get_service
from stellwerk.infra.crypto import load_key, parse_note
from stellwerk.infra.installation import Installation
from stellwerk.kernel import canonical_json, clock
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, NotFound, Unavailable

PERMISSION = "decisions.read"


def find(installation: Installation, connection: Connection, actor: Actor, decision_id: str) -> Record:
    """Return one decision; raises NotFound when there is none, or none that the actor may see."""
    record = Reader(installation.home.decisions).by_id(decision_id)
    service = find_service(connection, record.service) if record else None
    if record is None or service is None or not actor.may(PERMISSION, service["team"]):
        raise NotFound("There is no decision with this id that you may see.", field="id", value=decision_id)
    return record


def search(installation: Installation, service: str, *, subject: str | None = None, since: str | None = None,
           until: str | None = None, after: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Return decisions of a service, newest first, by subject or by time; ``after`` is the last id of the page before.

    Raises BadInput for a time that is none.
    """
    reader = Reader(installation.home.decisions)
    since_us, until_us = _moment("from", since, 0), _moment("to", until, 1 << 62)
    if subject is not None:
        found = reader.by_subject(subject, services=[service], since_us=since_us, until_us=until_us, after=after,
                                  limit=limit)
    else:
        found = reader.by_time(services=[service], since_us=since_us, until_us=until_us, after=after, limit=limit)
    return [record_view(record) for record in found]


def newest_by_service(installation: Installation, services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the newest decision of each service that has made one."""
    reader = Reader(installation.home.decisions)
    found = {}
    for name in services:
        newest = reader.by_time(services=[name], limit=1)
        if newest:
            found[name] = record_view(newest[0])
    return found


def _moment(field: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{field} is no time.", field=field, value=text[:80],
                       allowed="a date or time such as 2026-11-24 or 2026-11-24T09:00:00Z") from None
    return clock.to_us(moment if moment.tzinfo else moment.replace(tzinfo=clock.now().tzinfo))


def record_view(record: Record) -> dict[str, Any]:
    """Return a decision as API and pages show it."""
    return {
        "id": record.id, "at": clock.iso_us(record.at_us), "service": record.service, "revision": record.revision,
        "model_version": record.version, "decision": record.decision, "score": record.score,
        "threshold": record.threshold, "route": record.route, "caller": record.caller,
        "marks": canonical_json.loads(record.marks), "mode": record.mode, "latency_us": record.latency_us,
        **record.personal()}


def decision_detail(installation: Installation, connection: Connection, actor: Actor,
                    decision_id: str) -> dict[str, Any]:
    """Return a decision with the answers to who, what and why: lineage, approvals, gates, explanation, proof."""
    record = find(installation, connection, actor, decision_id)
    revision = get_revision(connection, record.revision)
    evidence = revision_evidence(connection, revision)
    serving = revision["serving"]
    return {
        "decision": record_view(record),
        "service": {"name": record.service, "title": serving["title"], "purpose": serving["purpose"],
                    "team": get_service(connection, record.service)["team"]},
        "fields": {field["name"]: field for field in [*serving["inputs"], *serving["protected"]]},
        "serve": serving["serve"], **evidence,
        "explanation": _explanation(installation, record, serving),
        "proof": proof_state(installation, connection, record)}


def _explanation(installation: Installation, record: Record, serving: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return explain_record(installation, record, serving)
    except NotFound:
        # A record stands on its own: it is shown also where its model is no longer stored.
        return None


def explanation_of(installation: Installation, connection: Connection, actor: Actor,
                   decision_id: str) -> dict[str, Any]:
    """Return why a decision came out as it did."""
    record = find(installation, connection, actor, decision_id)
    return explain_record(installation, record, get_revision(connection, record.revision)["serving"])


def _log_position(installation: Installation, record: Record) -> tuple[str, int]:
    place = Reader(installation.home.decisions).position_of(record.id)
    if place is None:
        raise NotFound("There is no decision with this id.", field="id", value=record.id)
    return f"decisions-{place[0]}", place[1]


def proof_state(installation: Installation, connection: Connection, record: Record) -> dict[str, Any]:
    """Return whether the ledger has sealed a decision yet, where, and under which signed head."""
    log, position = _log_position(installation, record)
    try:
        anchor = anchor_of(connection, log, position)
    except Unavailable:
        return {"sealed": False, "log": log, "index": position, "size": None, "checkpoint": None}
    size = parse_note(anchor.checkpoint)[0].size
    return {"sealed": True, "log": log, "index": position, "size": size, "checkpoint": anchor.checkpoint}


def proof_pack(installation: Installation, connection: Connection, actor: Actor, decision_id: str) -> dict[str, Any]:
    """Return the file that proves a decision offline; raises Unavailable until its records are sealed (a second)."""
    record = find(installation, connection, actor, decision_id)
    log, position = _log_position(installation, record)
    part = DecisionPart(leaf=record.leaf(), personal=record.personal(), nonce=record.nonce, log=log, position=position)
    return build_pack(connection, load_key(installation.home.keys_dir), part,
                      records_behind(connection, record.revision))
