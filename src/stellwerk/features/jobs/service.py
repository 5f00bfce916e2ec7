"""Asking for jobs, following them, stopping them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Connection, RowMapping

from stellwerk.features import ledger
from stellwerk.features.jobs import repository
from stellwerk.features.jobs.tables import job
from stellwerk.infra.database import Work
from stellwerk.kernel.clock import iso_us
from stellwerk.kernel.errors import NotFound
from stellwerk.kernel.ids import new_id

FINAL = frozenset({"succeeded", "failed", "cancelled"})


def request_job(work: Work, kind: str, *, service: str | None, team: str | None, request: Mapping[str, Any]) -> str:
    """Write a queued job in the transaction of the change that asks for it; the worker picks it up.

    Returns the id of the job.
    """
    actor = work.actor
    job_id = new_id()
    repository.add(work.connection, {
        "id": job_id, "kind": kind, "service": service, "team": team, "state": "queued", "request": dict(request),
        "requested_by": {"kind": actor.kind, "id": actor.id, "name": actor.name}, "person_id": actor.person_id,
        "created_at": work.now_us, "cancel_requested": False, "outputs": {},
    })
    ledger.record(work, "job.requested", job, job_id)
    return job_id


def get_job(connection: Connection, job_id: str) -> RowMapping:
    """Return a job; raises NotFound."""
    found = repository.get(connection, job_id)
    if found is None:
        raise NotFound("There is no job with this id.", field="id", value=job_id)
    return found


def request_cancel(work: Work, job_id: str) -> None:
    """Ask a job to stop; it does so at once when it runs users' code, else before its next step."""
    found = get_job(work.connection, job_id)
    if found["state"] in FINAL or found["cancel_requested"]:
        return
    repository.change(work.connection, job_id, cancel_requested=True)
    ledger.record(work, "job.cancel_requested", job, job_id)


def start(work: Work, job_id: str) -> None:
    """Mark a job as running; does nothing when it already runs after a restart."""
    found = get_job(work.connection, job_id)
    if found["state"] != "queued":
        return
    repository.change(work.connection, job_id, state="running", started_at=work.now_us)
    ledger.record(work, "job.started", job, job_id)


def enter(work: Work, job_id: str, stage: str) -> None:
    """Say which stage a running job has come to."""
    repository.change(work.connection, job_id, stage=stage)
    report(work, job_id, stage, "started", "")


def finish(work: Work, job_id: str, state: str, *, result: Mapping[str, Any] | None = None,
           error: Mapping[str, Any] | None = None) -> None:
    """End a job; does nothing when it has ended already."""
    if get_job(work.connection, job_id)["state"] in FINAL:
        return
    repository.change(work.connection, job_id, state=state, finished_at=work.now_us, result=result, error=error)
    ledger.record(work, f"job.{state}", job, job_id)


def report(work: Work, job_id: str, stage: str, status: str, message: str, data: Any = None) -> None:
    """Write a progress line."""
    repository.add_progress(work.connection, {
        "job_id": job_id, "at": work.now_us, "stage": stage, "status": status, "message": message, "data": data})


def newest_jobs(connection: Connection, services: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the newest job of each service by its name."""
    return {row["service"]: job_view(row) for row in repository.newest_for(connection, services)}


def jobs_of_service(connection: Connection, service: str, limit: int = 10) -> list[dict[str, Any]]:
    """Return the newest jobs of a service."""
    return [job_view(row) for row in repository.of_service(connection, service, limit)]


def job_view(row: RowMapping) -> dict[str, Any]:
    """Return the job as the API shows it."""
    return {
        "id": row["id"], "kind": row["kind"], "service": row["service"], "state": row["state"], "stage": row["stage"],
        "requested_by": row["requested_by"]["name"], "created_at": iso_us(row["created_at"]),
        "started_at": iso_us(row["started_at"]), "finished_at": iso_us(row["finished_at"]),
        "result": row["result"], "error": row["error"],
    }


def progress_view(connection: Connection, job_id: str, after: int, limit: int = 500) -> dict[str, Any]:
    """Return progress lines after a sequence number and whether all of them are in."""
    rows = repository.progress(connection, job_id, after, limit)
    done = len(rows) < limit and get_job(connection, job_id)["state"] in FINAL
    events = [{"seq": row["seq"], "at": iso_us(row["at"]), "stage": row["stage"], "status": row["status"],
               "message": row["message"], "data": row["data"]} for row in rows]
    return {"events": events, "done": done}
