"""Runs: executions of training, in MLflow's sense, with all that they log."""

from stellwerk.features.runs import importing
from stellwerk.features.runs.repository import overview
from stellwerk.features.runs.repository.content import Point
from stellwerk.features.runs.repository.inputs import UsedDataset
from stellwerk.features.runs.repository.runs import Run
from stellwerk.features.runs.sealing import TRACKED, seal_due
from stellwerk.features.runs.service import (
    artifact_root,
    create_run,
    get_run,
    log,
    log_inputs,
    log_outputs,
    may_change,
    set_lifecycle,
    update_run,
    visible_runs,
    writable_run,
)

__all__ = ["TRACKED", "Point", "Run", "UsedDataset", "artifact_root", "create_run", "get_run", "importing", "log",
           "log_inputs", "log_outputs", "may_change", "overview", "seal_due", "set_lifecycle", "update_run",
           "visible_runs", "writable_run"]
