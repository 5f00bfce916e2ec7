"""Jobs: durable pieces of work, written in the transaction that asks for them, run by the worker."""

from stellwerk.features.jobs.context import JobContext
from stellwerk.features.jobs.kinds import Cancelled, Finish, JobKind, JobKinds
from stellwerk.features.jobs.service import get_job, job_view, progress_view, request_cancel, request_job

__all__ = ["Cancelled", "Finish", "JobContext", "JobKind", "JobKinds", "get_job", "job_view", "progress_view",
           "request_cancel", "request_job"]
