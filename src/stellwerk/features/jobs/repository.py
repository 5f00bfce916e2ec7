"""Every query on jobs and their progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features.jobs.tables import job, job_progress


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a job."""
    connection.execute(insert(job).values(**values))


def get(connection: Connection, job_id: str) -> RowMapping | None:
    """Return one job."""
    return connection.execute(select(job).where(job.c.id == job_id)).mappings().one_or_none()


def change(connection: Connection, job_id: str, **values: Any) -> None:
    """Set columns of a job."""
    connection.execute(update(job).where(job.c.id == job_id).values(**values))


def unfinished(connection: Connection) -> Sequence[str]:
    """Return the ids of jobs that are queued or running, oldest first."""
    return connection.execute(
        select(job.c.id).where(job.c.state.in_(("queued", "running"))).order_by(job.c.created_at)
    ).scalars().all()


def latest(connection: Connection, *, teams: frozenset[str] | None, limit: int) -> Sequence[RowMapping]:
    """Return the newest jobs of the teams, or of all when None."""
    query = select(job).order_by(job.c.created_at.desc()).limit(limit)
    if teams is not None:
        query = query.where(job.c.team.in_(sorted(teams)))
    return connection.execute(query).mappings().all()


def newest_for(connection: Connection, services: Sequence[str]) -> Sequence[RowMapping]:
    """Return the newest job of each of the services."""
    newest = select(func.max(job.c.id)).where(job.c.service.in_(services)).group_by(job.c.service)
    return connection.execute(select(job).where(job.c.id.in_(newest))).mappings().all()


def of_service(connection: Connection, service: str, limit: int) -> Sequence[RowMapping]:
    """Return the newest jobs of a service."""
    return connection.execute(
        select(job).where(job.c.service == service).order_by(job.c.created_at.desc(), job.c.id.desc()).limit(limit)
    ).mappings().all()


def add_progress(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a progress line."""
    connection.execute(insert(job_progress).values(**values))


def progress(connection: Connection, job_id: str, after: int, limit: int) -> Sequence[RowMapping]:
    """Return progress lines of a job after a sequence number, oldest first."""
    return connection.execute(
        select(job_progress).where(job_progress.c.job_id == job_id, job_progress.c.seq > after)
        .order_by(job_progress.c.seq).limit(limit)
    ).mappings().all()


def stage_lines(connection: Connection, job_id: str) -> Sequence[RowMapping]:
    """Return the progress lines of a job that are no log, oldest first."""
    return connection.execute(
        select(job_progress).where(job_progress.c.job_id == job_id, job_progress.c.status != "log")
        .order_by(job_progress.c.seq)
    ).mappings().all()


def log_tail(connection: Connection, job_id: str, limit: int) -> Sequence[RowMapping]:
    """Return the newest log lines of a job, newest first."""
    return connection.execute(
        select(job_progress.c.message).where(job_progress.c.job_id == job_id, job_progress.c.status == "log")
        .order_by(job_progress.c.seq.desc()).limit(limit)
    ).mappings().all()


def last_seq(connection: Connection, job_id: str) -> int:
    """Return the number of the newest progress line of a job, 0 when there is none."""
    newest = select(func.max(job_progress.c.seq)).where(job_progress.c.job_id == job_id)
    return connection.execute(newest).scalar() or 0
