"""The kinds of jobs that the worker runs; a slice with jobs adds its line here."""

from __future__ import annotations

from stellwerk.features.jobs import JobKinds
from stellwerk.features.releases.way.kinds import KINDS as WAY


def job_kinds() -> JobKinds:
    """Return all kinds of jobs."""
    kinds = JobKinds()
    for kind in WAY:
        kinds.register(kind)
    return kinds
