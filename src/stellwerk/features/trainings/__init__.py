"""Trainings: what a service's run was made from and with, beyond what tracking clients can say."""

from stellwerk.features.trainings.service import (
    adoption_of,
    fail_run,
    fingerprint,
    finish_run,
    finished_like,
    get_run,
    open_run,
    record_adoption,
    run_view,
    runs_that_adopted,
)

__all__ = ["adoption_of", "fail_run", "fingerprint", "finish_run", "finished_like", "get_run", "open_run",
           "record_adoption", "run_view", "runs_that_adopted"]
