"""Following a job to its end by long poll, through restarts of the server and lost connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from stellwerk.client.http import ApiError, Client, Unreachable
from stellwerk.client.wire import FINAL_STATES, Event, Job
from stellwerk.kernel.errors import StellwerkError

WAIT_SECONDS = 20.0
PATIENCE_SECONDS = 120.0
Answer = TypeVar("Answer")
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0


def _passes(error: StellwerkError) -> bool:
    """Return whether the same question may be answered a little later."""
    return isinstance(error, Unreachable) or (isinstance(error, ApiError) and error.status in (502, 503, 504))


class Retry:
    """Asks again while nothing answers, with growing pauses, until the patience in seconds is used up."""

    def __init__(self, on_loss: Callable[[StellwerkError], None], *, patience: float = PATIENCE_SECONDS,
                 sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic) -> None:
        self._on_loss = on_loss
        self._patience = patience
        self._sleep = sleep
        self._clock = clock

    def __call__(self, ask: Callable[[], Answer]) -> Answer:
        """Return the answer; raises the last error when the patience ends, other errors at once."""
        pause = _FIRST_PAUSE
        lost_at: float | None = None
        while True:
            try:
                return ask()
            except (ApiError, Unreachable) as error:
                if not _passes(error):
                    raise
                if lost_at is None:
                    lost_at = self._clock()
                    self._on_loss(error)
                if self._clock() - lost_at + pause > self._patience:
                    raise
            self._sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)


def follow_events(client: Client, job_id: str, retry: Retry, *, wait: float = WAIT_SECONDS) -> Iterator[Event]:
    """Yield each event of a job once, in order, until the job has ended."""
    after = 0
    while True:
        events, done = retry(partial(client.events, job_id, after, wait))
        for event in events:
            if event["seq"] > after:
                after = event["seq"]
                yield event
        if done:
            return


def follow_job(client: Client, job_id: str, retry: Retry, on_event: Callable[[Event], None]) -> Job:
    """Hand each event on and return the job when it has ended."""
    while True:
        for event in follow_events(client, job_id, retry):
            on_event(event)
        job = retry(lambda: client.job(job_id))
        if job["state"] in FINAL_STATES:
            return job
