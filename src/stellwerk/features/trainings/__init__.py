"""Trainings: what a service's run was made from and with, beyond what tracking clients can say."""

from stellwerk.features.trainings.service import (
    fail_run,
    fingerprint,
    finish_run,
    finished_like,
    get_run,
    open_run,
    run_view,
)

__all__ = ["fail_run", "fingerprint", "finish_run", "finished_like", "get_run", "open_run", "run_view"]
