"""Every query on evaluation plans, evaluations and accepted gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.evaluations.tables import evaluation, evaluation_plan, gate_acceptance


def add_plan(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a plan."""
    connection.execute(insert(evaluation_plan).values(**values))


def plan_of_job(connection: Connection, job_id: str) -> RowMapping | None:
    """Return the plan that a job recorded."""
    return connection.execute(
        select(evaluation_plan).where(evaluation_plan.c.job_id == job_id)).mappings().one_or_none()


def get_plan(connection: Connection, plan_id: str) -> RowMapping | None:
    """Return one plan."""
    return connection.execute(select(evaluation_plan).where(evaluation_plan.c.id == plan_id)).mappings().one_or_none()


def add_evaluation(connection: Connection, values: dict[str, Any]) -> None:
    """Insert an evaluation."""
    connection.execute(insert(evaluation).values(**values))


def get(connection: Connection, evaluation_id: str) -> RowMapping | None:
    """Return one evaluation."""
    return connection.execute(select(evaluation).where(evaluation.c.id == evaluation_id)).mappings().one_or_none()


def of_plan(connection: Connection, plan_id: str) -> RowMapping | None:
    """Return the evaluation that followed a plan."""
    return connection.execute(select(evaluation).where(evaluation.c.plan_id == plan_id)).mappings().one_or_none()


def by_ids(connection: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return the evaluations of the ids."""
    return connection.execute(select(evaluation).where(evaluation.c.id.in_(ids))).mappings().all()


def add_acceptance(connection: Connection, values: dict[str, Any]) -> None:
    """Insert the acceptance of an undecided gate."""
    connection.execute(insert(gate_acceptance).values(**values))


def acceptances(connection: Connection, evaluation_ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return the acceptances on the evaluations, oldest first."""
    return connection.execute(
        select(gate_acceptance).where(gate_acceptance.c.evaluation_id.in_(evaluation_ids))
        .order_by(gate_acceptance.c.at)
    ).mappings().all()


def verdicts(connection: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return id, verdict and verdicts of the evaluations, without their results."""
    columns = (evaluation.c.id, evaluation.c.verdict, evaluation.c.verdicts)
    return connection.execute(select(*columns).where(evaluation.c.id.in_(ids))).mappings().all()
