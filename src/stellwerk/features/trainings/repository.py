"""Every query on runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.trainings.tables import adoption, run


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a run."""
    connection.execute(insert(run).values(**values))


def change(connection: Connection, run_id: str, **values: Any) -> None:
    """Set columns of a run."""
    connection.execute(update(run).where(run.c.id == run_id).values(**values))


def get(connection: Connection, run_id: str) -> RowMapping | None:
    """Return one run."""
    return connection.execute(select(run).where(run.c.id == run_id)).mappings().one_or_none()


def of_job(connection: Connection, job_id: str) -> RowMapping | None:
    """Return the run that a job made."""
    return connection.execute(select(run).where(run.c.job_id == job_id)).mappings().one_or_none()


def finished_like(connection: Connection, service: str, fingerprint: str) -> RowMapping | None:
    """Return the first finished run of the service that had the same inputs."""
    return connection.execute(
        select(run).where(run.c.service == service, run.c.fingerprint == fingerprint, run.c.state == "finished")
        .order_by(run.c.started_at).limit(1)
    ).mappings().one_or_none()


def by_ids(connection: Connection, ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return the runs of the ids."""
    return connection.execute(select(run).where(run.c.id.in_(ids))).mappings().all()


def add_adoption(connection: Connection, values: dict[str, Any]) -> None:
    """Insert which model a run took."""
    connection.execute(insert(adoption).values(**values))


def adoptions(connection: Connection, run_ids: Sequence[str]) -> Sequence[RowMapping]:
    """Return which models runs took."""
    return connection.execute(select(adoption).where(adoption.c.id.in_(run_ids))).mappings().all()


def adopted_versions(connection: Connection, model: str) -> Sequence[RowMapping]:
    """Return the runs that took a version of a registered model."""
    return connection.execute(select(adoption).where(adoption.c.model == model)).mappings().all()
