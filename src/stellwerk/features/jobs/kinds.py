"""What kinds of jobs there are: each an ordered table of named steps that slices register."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stellwerk.features.jobs.context import JobContext

Step = Callable[["JobContext"], Mapping[str, Any]]


class Finish(Exception):
    """Raised by a step to end its job early with a result that is no failure of the platform."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__(result.get("message", ""))
        self.result = dict(result)


class Cancelled(Exception):
    """Raised inside a step when someone asked for the job to stop."""


@dataclass(frozen=True)
class JobKind:
    """One kind of job: its steps in order; the last step's output is the job's result."""

    name: str
    steps: tuple[tuple[str, Step], ...]


class JobKinds:
    """The kinds that this process can run."""

    def __init__(self) -> None:
        self._kinds: dict[str, JobKind] = {}

    def register(self, kind: JobKind) -> None:
        """Add a kind; raises ValueError when its name is taken."""
        if kind.name in self._kinds:
            raise ValueError(f"the job kind {kind.name} is registered twice")
        self._kinds[kind.name] = kind

    def get(self, name: str) -> JobKind:
        """Return the kind of that name; raises KeyError."""
        return self._kinds[name]
