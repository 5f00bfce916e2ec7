"""What a step of a job may use: the installation, its request, earlier steps' outputs, progress, cancel."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stellwerk.features.jobs import repository, service
from stellwerk.features.jobs.kinds import Cancelled
from stellwerk.infra.database import Work
from stellwerk.infra.installation import Installation
from stellwerk.kernel.actor import Actor

_LOOK_SECONDS = 0.2


class JobContext:
    """One job as its steps see it."""

    def __init__(self, installation: Installation, job_id: str, stage: str) -> None:
        self.installation = installation
        self.id = job_id
        self.stage = stage
        with installation.database.read() as connection:
            row = service.get_job(connection, job_id)
        self.kind: str = row["kind"]
        self.service: str = row["service"]
        self.team: str = row["team"]
        self.request: Mapping[str, Any] = row["request"]
        self.outputs: Mapping[str, Mapping[str, Any]] = row["outputs"]
        self.person_id: str | None = row["person_id"]
        self.requested_by: Mapping[str, str] = row["requested_by"]
        self.actor = Actor(kind="job", id=job_id, name=f"{self.kind} of {self.service}", person_id=self.person_id)
        self._looked = 0.0
        self._cancel = False

    @contextlib.contextmanager
    def write(self) -> Iterator[Work]:
        """Yield a write transaction in which the job acts on behalf of the one who asked for it."""
        with self.installation.database.write(self.actor) as work:
            yield work

    def folder(self, name: str) -> Path:
        """Return the folder of one attempt's files; the child's results count only once they are stored."""
        folder = self.installation.home.work / self.id / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def emit(self, message: str, *, status: str = "progress", data: Any = None) -> None:
        """Write a progress line of the present stage."""
        with self.write() as work:
            service.report(work, self.id, self.stage, status, message, data)

    def log(self, line: str) -> None:
        """Write a line that users' code printed."""
        self.emit(line[:4000], status="log")

    def cancelled(self) -> bool:
        """Tell whether someone asked for this job to stop; looks at most five times a second."""
        now = time.monotonic()
        if not self._cancel and now - self._looked >= _LOOK_SECONDS:
            self._looked = now
            with self.installation.database.read() as connection:
                row = repository.get(connection, self.id)
            self._cancel = bool(row and row["cancel_requested"])
        return self._cancel

    def check_cancelled(self) -> None:
        """Raise Cancelled when someone asked for this job to stop."""
        if self.cancelled():
            raise Cancelled
