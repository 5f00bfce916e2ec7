"""The kinds of jobs that take a service along its way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stellwerk.features.datasets import data_step
from stellwerk.features.jobs import JobContext, JobKind
from stellwerk.features.releases.way.evaluate import evaluate_step
from stellwerk.features.releases.way.plan import plan_step
from stellwerk.features.releases.way.release import release_step, stand_step
from stellwerk.features.releases.way.train import train_step
from stellwerk.features.services import environment_step


def checked_step(job: JobContext) -> Mapping[str, Any]:
    """Say that environment, data and contract are fine; output is the job's result."""
    data = job.outputs["data"]
    return {"exit": 0, "outcome": "checked", "waits_for": [],
            "message": f"The contract holds for {data['rows']:,} rows (data set version {data['number']})."}


_BEGINNING = (("environment", environment_step), ("data", data_step))
_MIDDLE = (("plan", plan_step), ("train", train_step), ("evaluate", evaluate_step))
KINDS = (
    JobKind("check", (*_BEGINNING, ("checked", checked_step))),
    JobKind("train", (*_BEGINNING, *_MIDDLE, ("stand", stand_step))),
    JobKind("ship", (*_BEGINNING, *_MIDDLE, ("release", release_step))),
)
