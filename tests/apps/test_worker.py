"""The worker is killed at any moment; what it had to do is done once, whole, after the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stellwerk.features.evaluations import get_evaluation
from stellwerk.features.jobs import get_job, progress_view
from stellwerk.features.ledger.verification import verify_installation
from stellwerk.features.models import versions_of
from stellwerk.features.releases import service
from stellwerk.infra.crypto import load_key
from tests.features.releases.conftest import Workshop, make_workshop, workshop

__all__ = ["make_workshop", "workshop"]
pytestmark = pytest.mark.slow
_LONGEST = 90


class Worker:
    """A worker process on a home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self._home / "worker-test.log").open("ab")
        self._process = subprocess.Popen([sys.executable, "-m", "stellwerk.apps.worker", "--home", str(self._home)],
                                         stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=30)


@pytest.fixture
def worker(workshop: Workshop) -> Iterator[Worker]:
    made = Worker(workshop.installation.home.path)
    yield made
    made.stop()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _LONGEST
    while not holds():
        assert time.monotonic() < until, f"{what} did not come within {_LONGEST} s"
        time.sleep(0.02)


def stage_seen(workshop: Workshop, job_id: str, stage: str, status: str) -> bool:
    with workshop.installation.database.read() as connection:
        events = progress_view(connection, job_id, 0)["events"]
    return any(event["stage"] == stage and event["status"] == status for event in events)


def ended(workshop: Workshop, job_id: str) -> bool:
    with workshop.installation.database.read() as connection:
        return get_job(connection, job_id)["state"] in ("succeeded", "failed", "cancelled")


@pytest.mark.parametrize(("stage", "status"), [("data", "started"), ("train", "started"), ("train", "progress"),
                                               ("train", "done"), ("evaluate", "started"), ("evaluate", "done")])
def test_a_killed_worker_goes_on_and_doubles_nothing(workshop: Workshop, worker: Worker, stage: str,
                                                     status: str) -> None:
    job_id = workshop.submit()
    worker.start()
    wait_until(lambda: stage_seen(workshop, job_id, stage, status) or ended(workshop, job_id), f"{stage} {status}")
    worker.kill()
    worker.start()
    wait_until(lambda: ended(workshop, job_id), "the end of the job")
    with workshop.installation.database.read() as connection:
        job = get_job(connection, job_id)
        assert (job["state"], job["result"]["exit"]) == ("succeeded", 0), job["error"]
        assert [row["number"] for row in versions_of(connection, ["small"])] == [1]
        champion = service.champion_revision(connection, "small")
        assert champion is not None
        assert champion["number"] == 1
        assert get_evaluation(connection, champion["evaluation_id"])["verdict"] == "pass"
        key = load_key(workshop.installation.home.keys_dir).public
        assert verify_installation(connection, key).findings == []
    assert list(workshop.installation.home.work.iterdir()) == []


def test_a_child_dies_with_its_worker(workshop: Workshop, worker: Worker) -> None:
    code = ("import time\n\ndef train(data, params):\n    print('waiting', flush=True)\n"
            "    deadline = time.time() + 600\n    while time.time() < deadline:\n        sum(range(10000))\n")
    job_id = workshop.submit(code=code)
    worker.start()
    wait_until(lambda: stage_seen(workshop, job_id, "train", "log"), "the child's first line")
    children = _children()
    assert children
    worker.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "the end of the child")


def _children() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"stellwerk_runner" in words and words[0].endswith(b"python"):
                found.append(int(entry.name))
    return found
