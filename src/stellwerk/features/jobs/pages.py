"""The page of one job: its stages and its log as they come, and what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import Header, Query
from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stellwerk.features.jobs import service
from stellwerk.features.jobs.progress import stages, tail
from stellwerk.infra.http.changes import SIGN_OF_LIFE, changes
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection, WriteWork
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.installation import Installation
from stellwerk.kernel.route import allow
from stellwerk.uikit import Templates
from stellwerk.uikit.live import event, live_response

pages = page_routes("/jobs", tag="jobs")
_templates = Templates(Path(__file__).parent / "templates")
_READ = allow("jobs.read", "job:job_id")


@pages.get("/{job_id}", _READ)
def job_page(request: Request, job_id: str, actor: CurrentActor, connection: ReadConnection) -> Response:
    """Show a job; a running one goes on by itself."""
    row = service.get_job(connection, job_id)
    job = service.job_view(row)
    lines, last = tail(connection, job_id)
    running = job["state"] not in service.FINAL
    owner = [(job["service"], f"/services/{job['service']}")] if job["service"] else []
    return _templates.page(
        request, "job.html", title=f"{job['kind'].capitalize()} {job['service'] or ''}".strip(), section="services",
        stylesheets=["evidence.css"], crumbs=[("Services", "/"), *owner, ("Job", None)], job=job,
        stages=stages(connection, job_id), lines=lines,
        live=f"/jobs/{job_id}/live?after={last}" if running else None, traceback=_traceback(job),
        may_cancel=running and not row["cancel_requested"] and actor.may("jobs.cancel", row["team"]))


def _traceback(job: dict[str, Any]) -> str | None:
    details = (job["error"] or {}).get("details")
    return details.get("traceback") if isinstance(details, dict) else None


@pages.post("/{job_id}/cancel", allow("jobs.cancel", "job:job_id"))
def cancel(job_id: str, work: WriteWork) -> Response:
    """Ask the job to stop."""
    service.request_cancel(work, job_id)
    return RedirectResponse(f"/jobs/{job_id}", 303)


@pages.get("/{job_id}/live", _READ)
def job_live(job_id: str, installation: CurrentInstallation, after: Annotated[int, Query(ge=0)] = 0,
             last_event_id: Annotated[str | None, Header(max_length=20)] = None) -> Response:
    """Send stages and log lines as they come; the page loads anew when the job has ended."""
    seen = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else after
    return live_response(_events(installation, job_id, seen))


async def _events(installation: Installation, job_id: str, after: int) -> AsyncIterator[bytes]:
    async for changed in changes(installation.home.control):
        if not changed:
            yield SIGN_OF_LIFE
            continue
        view, fragment = await run_in_threadpool(_look, installation, job_id, after)
        for entry in view["events"]:
            after = entry["seq"]
            if entry["status"] == "log":
                yield f"id: {after}\n".encode() + event("line", entry["message"])
        yield event("fragment", fragment) if view["events"] else SIGN_OF_LIFE
        if view["done"]:
            yield event("reload")
            return


def _look(installation: Installation, job_id: str, after: int) -> tuple[dict[str, Any], str]:
    with installation.database.read() as connection:
        view = service.progress_view(connection, job_id, after)
        return view, _drawn(connection, job_id) if view["events"] else ""


def _drawn(connection: Connection, job_id: str) -> str:
    return str(_templates.fragment("stages.html", stages=stages(connection, job_id)))
