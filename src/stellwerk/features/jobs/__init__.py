"""Jobs: durable pieces of work, written in the transaction that asks for them, run by the worker."""

from stellwerk.features.jobs.context import JobContext
from stellwerk.features.jobs.kinds import Cancelled, Finish, JobKind, JobKinds
from stellwerk.features.jobs.service import (
    FINAL,
    get_job,
    job_view,
    jobs_of_service,
    newest_jobs,
    progress_view,
    request_cancel,
    request_job,
)

__all__ = ["FINAL", "Cancelled", "Finish", "JobContext", "JobKind", "JobKinds", "get_job", "job_view",
           "jobs_of_service", "newest_jobs", "progress_view", "request_cancel", "request_job"]
