"""Running one step of a job so that a second run after a crash changes nothing twice."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from typing import Any

from stellwerk.features.jobs import repository, service
from stellwerk.features.jobs.context import JobContext
from stellwerk.features.jobs.kinds import Cancelled, Finish, JobKind
from stellwerk.infra.installation import Installation
from stellwerk.kernel.errors import StellwerkError
from stellwerk.kernel.ids import new_id

_log = logging.getLogger("stellwerk.jobs")


def run_step(installation: Installation, kind: JobKind, job_id: str, index: int) -> bool:
    """Run the step at ``index``; returns whether the job goes on. Ends the job where it is the last or fails."""
    name, step = kind.steps[index]
    with installation.database.read() as connection:
        row = service.get_job(connection, job_id)
    if row["state"] in service.FINAL:
        return False
    if name in row["outputs"]:
        return index + 1 < len(kind.steps)
    context = JobContext(installation, job_id, name)
    with context.write() as work:
        service.start(work, job_id)
        repository.change(work.connection, job_id, stage=name)
        service.report(work, job_id, name, "started", "")
    try:
        context.check_cancelled()
        output = dict(step(context))
    except Finish as ending:
        _end(context, "succeeded", "done", ending.result.get("message", ""), result=ending.result)
        return False
    except Cancelled:
        _end(context, "cancelled", "failed", "stopped on request",
             result={"exit": 1, "outcome": "error", "message": "The job was stopped on request; nothing was released."})
        return False
    except StellwerkError as error:
        _end(context, "failed", "failed", error.message, error=error.body(),
             result={"exit": 1, "outcome": "error", "message": error.message})
        return False
    except Exception as error:  # the one place where a step's fault must not stop the worker
        _end_unexpected(context, error)
        return False
    return _keep(context, kind, index, output)


def _keep(context: JobContext, kind: JobKind, index: int, output: dict[str, Any]) -> bool:
    last = index + 1 == len(kind.steps)
    with context.write() as work:
        row = service.get_job(work.connection, context.id)
        repository.change(work.connection, context.id, outputs={**row["outputs"], context.stage: output})
        service.report(work, context.id, context.stage, "done", str(output.get("message", "")))
        if last:
            service.finish(work, context.id, "succeeded", result=output)
    if last:
        _sweep(context)
    return not last


def _end(context: JobContext, state: str, status: str, message: str, *, result: Mapping[str, Any],
         error: Mapping[str, Any] | None = None) -> None:
    with context.write() as work:
        service.report(work, context.id, context.stage, status, message, error)
        service.finish(work, context.id, state, result=result, error=error)
    _sweep(context)


def _end_unexpected(context: JobContext, error: Exception) -> None:
    error_id = new_id()
    _log.exception("job %s failed in %s, error id %s", context.id, context.stage, error_id, exc_info=error)
    message = f"The platform failed in this step; error id {error_id}. The log of the worker says more."
    _end(context, "failed", "failed", message, error={"error_code": "internal_error", "message": message},
         result={"exit": 1, "outcome": "error", "message": message})


def _sweep(context: JobContext) -> None:
    shutil.rmtree(context.installation.home.work / context.id, ignore_errors=True)
