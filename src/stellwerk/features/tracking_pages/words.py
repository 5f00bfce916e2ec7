"""States of runs as lamps and words."""

from __future__ import annotations

from stellwerk.features import runs

LAMPS = {"RUNNING": ("way", "under way"), "SCHEDULED": ("unset", "scheduled"), "FINISHED": ("clear", "finished"),
         "FAILED": ("stop", "failed"), "KILLED": ("caution", "stopped")}


def lamp_of(run: runs.Run) -> tuple[str, str]:
    """Return shape and word of a run's state; a deleted one reads so."""
    if run.lifecycle == "deleted":
        return "unset", "deleted"
    return LAMPS.get(run.status, ("unset", run.status.lower()))
