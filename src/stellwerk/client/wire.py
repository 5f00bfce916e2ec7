"""What server and gateway answer, as far as the client looks into it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

JobState = Literal["queued", "running", "succeeded", "failed", "cancelled"]
JobKind = Literal["ship", "train", "check"]
EventStatus = Literal["started", "progress", "done", "failed", "log"]
FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})


class JobResult(TypedDict):
    """How a job ended: the exit code for a command line and what it came to."""

    exit: int
    outcome: str
    message: str
    version: NotRequired[int | None]
    evaluation: NotRequired[str | None]
    revision: NotRequired[str | None]
    waits_for: NotRequired[list[str]]


class Job(TypedDict):
    """A durable piece of work."""

    id: str
    kind: str
    service: str
    state: JobState
    stage: str | None
    created_at: str
    finished_at: str | None
    result: JobResult | None
    error: dict[str, Any] | None


class Event(TypedDict):
    """One line of a job's progress."""

    seq: int
    at: str
    stage: str
    status: EventStatus
    message: str
    data: Any


class Decision(TypedDict):
    """One answer of the gateway."""

    id: str
    service: str
    decision: str
    score: float
    threshold: float
    revision: str
    model_version: int
    marks: list[Any]
    decided_at: str
