"""Keeping evaluations: the plan first, then the result, then what a person accepted of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.evaluations import repository, tables
from stellwerk.infra.database import Work
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.ids import new_id


def record_plan(work: Work, job_id: str, service: str, plan: Mapping[str, Any]) -> str:
    """Keep what will be measured and judged, before anything is; returns the id of the plan."""
    known = repository.plan_of_job(work.connection, job_id)
    if known is not None:
        return str(known["id"])
    plan_id = new_id()
    repository.add_plan(work.connection, {"id": plan_id, "job_id": job_id, "service": service, "plan": dict(plan),
                                          "created_at": work.now_us})
    ledger.record(work, "evaluation.planned", tables.evaluation_plan, plan_id)
    return plan_id


def record_evaluation(work: Work, plan_id: str, values: Mapping[str, Any]) -> RowMapping:
    """Keep the result that followed a plan, or return the one kept before a restart."""
    known = repository.of_plan(work.connection, plan_id)
    if known is not None:
        return known
    evaluation_id = new_id()
    repository.add_evaluation(work.connection, {"id": evaluation_id, "plan_id": plan_id, "created_at": work.now_us,
                                                **values})
    ledger.record(work, "evaluation.recorded", tables.evaluation, evaluation_id)
    return get_evaluation(work.connection, evaluation_id)


def get_evaluation(connection: Connection, evaluation_id: str) -> RowMapping:
    """Return an evaluation; raises NotFound."""
    found = repository.get(connection, evaluation_id)
    if found is None:
        raise NotFound("There is no evaluation with this id.", field="evaluation", value=evaluation_id)
    return found


def get_plan(connection: Connection, plan_id: str) -> RowMapping:
    """Return a plan; raises NotFound."""
    found = repository.get_plan(connection, plan_id)
    if found is None:
        raise NotFound("There is no evaluation plan with this id.", field="plan", value=plan_id)
    return found


def evaluations_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return evaluations by their ids."""
    return {row["id"]: row for row in repository.by_ids(connection, ids)}


def verdicts_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return verdict and verdicts of evaluations by their ids, for lists that do not show results."""
    return {row["id"]: row for row in repository.verdicts(connection, ids)}


def accept_gate(work: Work, evaluation_id: str, gate: str, reason: str, until_us: int) -> None:
    """Keep that a named person accepts an undecided gate until a date."""
    acceptance_id = new_id()
    repository.add_acceptance(work.connection, {
        "id": acceptance_id, "evaluation_id": evaluation_id, "gate": gate, "person_id": work.actor.person_id,
        "person_name": work.actor.name, "reason": reason, "until": until_us, "at": work.now_us})
    ledger.record(work, "gate.accepted", tables.gate_acceptance, acceptance_id)


def acceptance_ids(connection: Connection, evaluation_id: str) -> list[str]:
    """Return the ids of all acceptances of an evaluation's gates, oldest first."""
    return [row["id"] for row in repository.acceptances(connection, [evaluation_id])]


def accepted_gates(connection: Connection, evaluation_id: str, now_us: int) -> dict[str, dict[str, Any]]:
    """Return the acceptances of an evaluation that hold now, by gate."""
    return {
        row["gate"]: {"person": row["person_name"], "reason": row["reason"], "until": iso_us(row["until"]),
                      "at": iso_us(row["at"])}
        for row in repository.acceptances(connection, [evaluation_id]) if row["until"] > now_us
    }
