"""What the worker has to take up."""

from __future__ import annotations

from stellwerk.features.jobs import repository, service
from stellwerk.infra.database import Database


def waiting_jobs(database: Database) -> list[tuple[str, str]]:
    """Return (id, kind) of every job that has not ended, oldest first."""
    with database.read() as connection:
        return [(job_id, service.get_job(connection, job_id)["kind"]) for job_id in repository.unfinished(connection)]
