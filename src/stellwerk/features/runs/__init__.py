"""Runs: executions of training, in MLflow's sense."""

from stellwerk.features.runs.service import (
    fail_run,
    fingerprint,
    finish_run,
    finished_like,
    get_run,
    open_run,
    run_view,
)

__all__ = ["fail_run", "fingerprint", "finish_run", "finished_like", "get_run", "open_run", "run_view"]
