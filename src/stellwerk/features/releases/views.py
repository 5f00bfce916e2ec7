"""Versions and services as API and pages show them: facts with their links to the records behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.approvals import approval_view, approvals_of
from stellwerk.features.datasets import get_dataset_version, report_of_version
from stellwerk.features.evaluations import accepted_gates, evaluations_by_id, get_evaluation, get_plan
from stellwerk.features.models import get_version, version_view, versions_of
from stellwerk.features.releases import repository, service
from stellwerk.features.releases.transitions import TRANSITIONS
from stellwerk.features.services import get_bundle_row, get_manifest_row, get_service, service_view
from stellwerk.features.trainings import get_run, run_view
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import StellwerkError


def revision_view(row: RowMapping) -> dict[str, Any]:
    """Return a revision as the API shows it."""
    return {
        "id": row["id"], "service": row["service"], "number": row["number"], "version": row["version"],
        "state": row["state"], "state_at": iso_us(row["state_at"]), "threshold": row["threshold"],
        "digest": row["content_digest"], "evaluation": row["evaluation_id"], "requested_by": row["requested_by"],
        "created_at": iso_us(row["created_at"]), "approved_at": iso_us(row["approved_at"]),
        "champion_at": iso_us(row["champion_at"])}


def route_view(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return what is live of a service, or None when nothing is."""
    route = repository.get_route(connection, name)
    if route is None:
        return None
    champion = service.get_revision(connection, route["champion"])
    canary = service.get_revision(connection, route["canary"]) if route["canary"] else None
    return {"champion": revision_view(champion), "canary": revision_view(canary) if canary else None,
            "share": route["share"], "changed_at": iso_us(route["changed_at"])}


def service_detail(connection: Connection, name: str) -> dict[str, Any]:
    """Return a service with what is live of it; raises NotFound."""
    return {**service_view(get_service(connection, name)), "live": route_view(connection, name)}


def version_list(connection: Connection, name: str) -> list[dict[str, Any]]:
    """Return the versions of a service, newest first, each with its newest evaluation and state."""
    get_service(connection, name)
    newest: dict[int, RowMapping] = {}
    for row in repository.for_services(connection, [name]):
        newest.setdefault(row["version"], row)
    evaluations = evaluations_by_id(connection, [row["evaluation_id"] for row in newest.values()])
    found = []
    for version in versions_of(connection, [name]):
        revision = newest.get(version["number"])
        entry = {"number": version["number"], "estimator": version["estimator"],
                 "created_at": iso_us(version["created_at"]), "state": None, "verdict": None, "revision": None}
        if revision is not None:
            evaluation = evaluations[revision["evaluation_id"]]
            entry |= {"state": revision["state"], "verdict": evaluation["verdict"], "threshold": revision["threshold"],
                      "revision": revision_view(revision), "gates": evaluation["verdicts"]}
        found.append(entry)
    return found


def version_detail(connection: Connection, name: str, number: int, actor: Actor, now_us: int) -> dict[str, Any]:
    """Return all that stands behind a version, and what the actor can do with it now; raises NotFound."""
    version = get_version(connection, name, number)
    revisions = repository.of_version(connection, name, number)
    detail: dict[str, Any] = {
        "service": service_detail(connection, name), "version": version_view(version),
        "run": run_view(get_run(connection, version["run_id"])), "revision": None,
        "history": [revision_view(row) for row in revisions]}
    if not revisions:
        return detail
    revision = revisions[0]
    evaluation = get_evaluation(connection, revision["evaluation_id"])
    plan = get_plan(connection, evaluation["plan_id"])
    detail |= {
        "revision": revision_view(revision),
        "evaluation": {"id": evaluation["id"], "verdict": evaluation["verdict"], "verdicts": evaluation["verdicts"],
                       "result": evaluation["result"], "created_at": iso_us(evaluation["created_at"]),
                       "planned_at": iso_us(plan["created_at"]), "plan": plan["plan"]},
        "accepted": accepted_gates(connection, evaluation["id"], now_us),
        "approvals": _approvals(connection, revision, actor, now_us),
        "lineage": lineage(connection, revision), "before": _before(connection, name, number),
        "actions": _actions(connection, revision, actor, now_us)}
    detail["waits_for"] = waits_for(detail)
    return detail


def _approvals(connection: Connection, revision: RowMapping, actor: Actor, now_us: int) -> dict[str, Any]:
    facts = service.gather(connection, actor, revision, now_us, reason="looking ahead")
    refusal = _refusal("approve", facts)
    return {
        "required": list(facts.required_roles), "missing": facts.missing_roles, "four_eyes": facts.four_eyes,
        "answers": [approval_view(row) for row in approvals_of(connection, "revision", [revision["id"]])],
        "may_approve": refusal is None, "refusal": refusal}


def _before(connection: Connection, name: str, number: int) -> dict[str, Any] | None:
    """Return the price of fairness of the version before, for comparison; None where none was evaluated."""
    revisions = repository.of_version(connection, name, number - 1)
    if not revisions:
        return None
    result = get_evaluation(connection, revisions[0]["evaluation_id"])["result"]
    return {"version": number - 1, "price": result.get("price", {})}


def _actions(connection: Connection, revision: RowMapping, actor: Actor, now_us: int) -> dict[str, Any]:
    """Return, per action, None where the rules allow it to the actor now, else the refusal."""
    facts = service.gather(connection, actor, revision, now_us, reason="looking ahead", share=0.1)
    undecided = frozenset(row["gate"] for row in facts.verdicts if row["verdict"] == "undecided") - set(facts.accepted)
    found = {name: _refusal(name, facts) for name in ("approve", "reject", "canary", "champion", "rollback")}
    return found | {"accept": _refusal("approve", replace(facts, accepts_now=undecided)) if undecided else None}


def _refusal(name: str, facts: Any) -> dict[str, Any] | None:
    try:
        TRANSITIONS[name].check(facts)
    except StellwerkError as error:
        return error.body()
    return None


def lineage(connection: Connection, revision: RowMapping) -> dict[str, Any]:
    """Return what a revision was made of: data, code, environment, parameters."""
    run = get_run(connection, revision["run_id"])
    bundle = get_bundle_row(connection, revision["bundle"])
    manifest = get_manifest_row(connection, revision["manifest"])
    return {
        "data": get_dataset_version(connection, revision["dataset_version_id"]),
        "quality": report_of_version(connection, revision["dataset_version_id"]),
        "bundle": {"digest": bundle["id"], "code_digest": bundle["code_digest"], "commit": bundle["commit"],
                   "brought_by": bundle["brought_by"], "at": iso_us(bundle["created_at"]), "files": bundle["files"]},
        "manifest": {"digest": manifest["id"], "text": manifest["text"], "brought_by": manifest["brought_by"],
                     "at": iso_us(manifest["created_at"])},
        "environment": {"lock_hash": run["lock_hash"], "versions": run["versions"]},
        "run": {"id": run["id"], "finished_at": iso_us(run["finished_at"]), "requested_by": run["requested_by"]}}


def revision_evidence(connection: Connection, revision: RowMapping) -> dict[str, Any]:
    """Return what stands behind an answer of a revision: the revision, lineage, approvals, gates."""
    evaluation = get_evaluation(connection, revision["evaluation_id"])
    return {
        "revision": revision_view(revision), "lineage": lineage(connection, revision),
        "approvals": [approval_view(row) for row in approvals_of(connection, "revision", [revision["id"]])],
        "gates": evaluation["verdicts"], "evaluated_at": iso_us(evaluation["created_at"])}


def waits_for(detail: Mapping[str, Any]) -> list[str]:
    """Return in words what keeps a version from going on; empty when it is live or has ended."""
    revision = detail["revision"]
    if revision["state"] in ("champion", "retired", "rejected"):
        return []
    waits = [f"gate {row['gate']}: {row['verdict']}" for row in detail["evaluation"]["verdicts"]
             if row["verdict"] == "fail" or (row["verdict"] == "undecided" and row["gate"] not in detail["accepted"])]
    if not waits and revision["state"] == "candidate":
        waits = [f"approval by {role}" for role in detail["approvals"]["missing"]]
    if not waits:
        waits = ["becoming champion" if revision["state"] == "canary" else "release"]
    return waits
