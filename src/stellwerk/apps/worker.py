"""The worker process: runs jobs durably, seals the ledger, shows that it lives."""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType

from stellwerk.apps.kinds import job_kinds
from stellwerk.apps.sealing import Sealing
from stellwerk.apps.tracked import tell_webhooks
from stellwerk.features.jobs.durable import DurableJobs
from stellwerk.features.jobs.queue import waiting_jobs
from stellwerk.features.webhooks import keep_delivering
from stellwerk.infra.database import ChangeWatch
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.infra.telemetry import configure_logging
from stellwerk.kernel import clock

_log = logging.getLogger("stellwerk.worker")
_LOOK_SECONDS = 0.05
_BEAT_SECONDS = 1.0


class Worker:
    """Hands waiting jobs to the durable engine until told to stop."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._stop = threading.Event()
        self._jobs = DurableJobs(installation, job_kinds())
        self._sealing = Sealing(installation)
        self._handed: set[str] = set()
        tell_webhooks()

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Ask the loop to end."""
        self._stop.set()

    def run(self) -> None:
        """Run until stopped."""
        self._jobs.launch()
        sealer = threading.Thread(target=self._sealing.run, args=(self._stop,), name="sealer", daemon=True)
        sealer.start()
        courier = threading.Thread(target=keep_delivering, args=(self._installation, self._stop), name="courier",
                                   daemon=True)
        courier.start()
        watch = ChangeWatch(self._installation.home.control)
        beat = 0.0
        while not self._stop.wait(_LOOK_SECONDS):
            if watch.changed():
                self._hand_over()
            if time.monotonic() - beat >= _BEAT_SECONDS:
                beat = time.monotonic()
                self._show_life()
        sealer.join(timeout=5)
        courier.join(timeout=5)
        self._jobs.stop()

    def _hand_over(self) -> None:
        for job_id, kind in waiting_jobs(self._installation.database):
            if job_id not in self._handed:
                self._handed.add(job_id)
                self._jobs.enqueue(job_id, kind)

    def _show_life(self) -> None:
        file = self._installation.home.run / "worker.json"
        part = file.with_suffix(".part")
        part.write_text(json.dumps({"pid": os.getpid(), "at": clock.iso(clock.now())}), encoding="utf-8")
        os.replace(part, file)


def main() -> None:
    """Run the worker of the home named by ``--home``; one per home, held by a file lock."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--home", required=True, type=Path)
    installation = open_installation(parser.parse_args().home)
    configure_logging("worker")
    with (installation.home.run / "worker.lock").open("w") as lock:
        # The executor id is fixed, so two workers would run the same steps twice.
        fcntl.flock(lock, fcntl.LOCK_EX)
        worker = Worker(installation)
        signal.signal(signal.SIGTERM, worker.stop)
        signal.signal(signal.SIGINT, worker.stop)
        worker.run()


if __name__ == "__main__":
    main()
