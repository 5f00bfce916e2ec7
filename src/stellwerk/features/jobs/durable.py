"""The durable engine under the jobs: DBOS on a file of its own. Only the worker imports this module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID

from stellwerk.features.jobs.run_step import run_step
from stellwerk.infra.database import teach_fractions_of_seconds, use_wal

if TYPE_CHECKING:
    from stellwerk.features.jobs.kinds import JobKinds
    from stellwerk.infra.installation import Installation

# Fixed, or work of an earlier release would not be taken up after an upgrade.
_APPLICATION_VERSION = "1"
_EXECUTOR = "worker-1"
_QUEUE = "jobs"


class DurableJobs:
    """Runs the steps of jobs so that a killed worker goes on where it stopped."""

    def __init__(self, installation: Installation, kinds: JobKinds, *, at_once: int = 2) -> None:
        teach_fractions_of_seconds()
        use_wal(installation.home.jobs)
        self._engine = DBOS(config={
            "name": "stellwerk", "system_database_url": f"sqlite:///{installation.home.jobs}",
            "executor_id": _EXECUTOR, "application_version": _APPLICATION_VERSION, "log_level": "ERROR",
            "serializer": DBOSPortableJSONSerializer(), "max_executor_threads": 8,
            "notification_listener_polling_interval_sec": 1.0, "scheduler_polling_interval_sec": 30.0,
        })

        @DBOS.step(name="step")
        def step(job_id: str, kind_name: str, index: int) -> bool:
            return run_step(installation, kinds.get(kind_name), job_id, index)

        @DBOS.workflow(name="job", max_recovery_attempts=20)
        def workflow(job_id: str, kind_name: str) -> None:
            for index in range(len(kinds.get(kind_name).steps)):
                if not step(job_id, kind_name, index):
                    return

        self._workflow = workflow
        self._at_once = at_once

    def launch(self) -> None:
        """Start the engine: unfinished work of this worker goes on."""
        DBOS.launch()
        DBOS.register_queue(_QUEUE, worker_concurrency=self._at_once, polling_interval_sec=0.05)

    def enqueue(self, job_id: str, kind: str) -> None:
        """Hand a job to the engine under its own id; handing it over twice runs it once."""
        with SetWorkflowID(job_id):
            DBOS.enqueue_workflow(_QUEUE, self._workflow, job_id, kind)

    def stop(self) -> None:
        """Stop the engine; running steps go on after the next start."""
        DBOS.destroy()
