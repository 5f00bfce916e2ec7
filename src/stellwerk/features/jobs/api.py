"""Following and stopping jobs."""

from __future__ import annotations

import time
from typing import Annotated, Any

import anyio
from fastapi import Query
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Connection

from stellwerk.features.jobs import repository, service
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection, WriteWork
from stellwerk.infra.http.routing import api_routes
from stellwerk.infra.installation import Installation
from stellwerk.kernel.route import allow

routes = api_routes("/jobs", tag="jobs")
_LOOK_SECONDS = 0.1


def team_of_job(connection: Connection, job_id: str) -> str | None:
    """Return the team that owns a job, or None when there is none of that id."""
    row = repository.get(connection, job_id)
    return None if row is None else row["team"]


@routes.get("", allow("jobs.read", "any"))
def list_jobs(actor: CurrentActor, connection: ReadConnection,
              limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
    """Return the newest jobs of the caller's teams."""
    rows = repository.latest(connection, teams=actor.teams("jobs.read"), limit=limit)
    return {"jobs": [service.job_view(row) for row in rows]}


@routes.get("/{job_id}", allow("jobs.read", "job:job_id"))
def get_job(job_id: str, connection: ReadConnection) -> dict[str, Any]:
    """Return one job."""
    return service.job_view(service.get_job(connection, job_id))


@routes.get("/{job_id}/events", allow("jobs.read", "job:job_id"))
async def get_events(job_id: str, installation: CurrentInstallation, after: Annotated[int, Query(ge=0)] = 0,
                     wait: Annotated[float, Query(ge=0, le=30)] = 0) -> dict[str, Any]:
    """Return progress lines after a number; waits up to ``wait`` seconds for the first new one."""
    until = time.monotonic() + wait
    while True:
        view = await run_in_threadpool(_look, installation, job_id, after)
        if view["events"] or view["done"] or time.monotonic() >= until:
            return view
        await anyio.sleep(_LOOK_SECONDS)


def _look(installation: Installation, job_id: str, after: int) -> dict[str, Any]:
    with installation.database.read() as connection:
        return service.progress_view(connection, job_id, after)


@routes.post("/{job_id}/cancel", allow("jobs.cancel", "job:job_id"))
def cancel_job(job_id: str, work: WriteWork) -> dict[str, Any]:
    """Ask a job to stop."""
    service.request_cancel(work, job_id)
    return service.job_view(service.get_job(work.connection, job_id))
