"""Bringing messages to their receivers: at least once, again after failures, each webhook for itself."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from stellwerk.features.webhooks import events, repository, sending
from stellwerk.features.webhooks.repository import DEAD, DELIVERED, WAITING, Delivery, Webhook
from stellwerk.features.webhooks.sending import Outcome
from stellwerk.features.webhooks.service import now_ms
from stellwerk.infra.installation import Installation
from stellwerk.infra.outbound import Outbound
from stellwerk.infra.secret_box import SecretBox
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import StellwerkError

_log = logging.getLogger("stellwerk.webhooks")
# 5 s, 15 s, 45 s … up to 2 h: twelve attempts take about nine hours.
ATTEMPTS = 12
_FIRST_MS = 5_000
_GROWTH = 3
_LONGEST_MS = 2 * 3_600_000
_LONGEST_PAUSE_MS = 15 * 60_000
_JITTER = 0.2
_OLDEST_MS = 3 * 86_400_000
_KEEP_MS = 30 * 86_400_000
_AT_ONCE = 8
_IN_A_ROW = 50
_LOOK_SECONDS = 0.05
_LOOK_SECONDS_POSTGRES = 0.5
_CLEAN_MS = 3_600_000
_REST_SECONDS = 10.0
_random = random.SystemRandom()


def backoff_ms(failures: int, longest: int = _LONGEST_MS) -> int:
    """Return how long to wait after so many failures in a row, spread by a fifth to both sides."""
    wait = min(_FIRST_MS * _GROWTH ** min(failures - 1, 20), longest)
    return int(wait * _random.uniform(1 - _JITTER, 1 + _JITTER))


class Courier:
    """Delivers what is due, a thread for each webhook, so that one slow receiver holds up no other."""

    def __init__(self, installation: Installation, *, outbound: Outbound | None = None,
                 clock: Callable[[], int] = now_ms) -> None:
        self._tracking = installation.tracking
        self._outbound = outbound or Outbound(installation.settings)
        self._box = SecretBox(installation.home.keys_dir)
        self._clock = clock
        self._busy: set[str] = set()
        self._resting: dict[str, float] = {}
        self._ending = threading.Event()
        self._threads = ThreadPoolExecutor(_AT_ONCE, "webhooks")

    def start(self) -> list[Future[int]]:
        """Begin with every webhook that has something due; each future gives the number of attempts made."""
        due = self._tracking.read(lambda st: repository.webhooks_with_due(st, events.ACTIVE, self._clock()))
        moment = time.monotonic()
        futures = []
        for webhook_id in due:
            if webhook_id not in self._busy and self._resting.get(webhook_id, 0.0) <= moment:
                self._busy.add(webhook_id)
                future = self._threads.submit(self._deliver, webhook_id)
                future.add_done_callback(partial(self._ended, webhook_id))
                futures.append(future)
        return futures

    def _ended(self, webhook_id: str, future: Future[int]) -> None:
        fault = None if future.cancelled() else future.exception()
        if fault is not None:
            # What was not written down stays due, so without a rest it would be tried at once, again and again.
            self._resting[webhook_id] = time.monotonic() + _REST_SECONDS
            _log.error("a webhook's messages were not delivered", exc_info=fault, extra={"facts": {
                "webhook": webhook_id}})
        self._busy.discard(webhook_id)

    def forget_ended(self) -> None:
        """Remove messages that ended long ago."""
        self._tracking.write(lambda st: repository.forget_ended(st, self._clock() - _KEEP_MS))

    def close(self, *, wait: bool = True) -> None:
        """Begin nothing more, and end after the attempts that are under way."""
        self._ending.set()
        self._threads.shutdown(wait=wait, cancel_futures=True)

    def _deliver(self, webhook_id: str) -> int:
        attempts = 0
        while attempts < _IN_A_ROW and not self._ending.is_set() and self._attempt(webhook_id):
            attempts += 1
        return attempts

    def _attempt(self, webhook_id: str) -> bool:
        found = self._tracking.read(lambda st: repository.next_due(st, webhook_id, events.ACTIVE, self._clock()))
        if found is None:
            return False
        webhook, delivery = found
        outcome = sending.send(self._outbound, self._box, webhook, delivery.id, delivery.body, self._clock())
        after = self._after(delivery, outcome)
        # An attempt that is not written down, since the process ended, is made again.
        self._tracking.write(lambda st: self._note(st, webhook, after, outcome))
        if after.state == DEAD:
            _log.warning("a message to a webhook was given up", extra={"facts": {
                "webhook": webhook.id, "delivery": after.id, "event": after.event, "status": after.last_status,
                "attempts": after.attempts}})
        return True

    def _after(self, delivery: Delivery, outcome: Outcome) -> Delivery:
        now, attempts = self._clock(), delivery.attempts + 1
        tried = delivery._replace(attempts=attempts, last_status=outcome.status, last_error=outcome.error)
        if outcome.delivered:
            return tried._replace(state=DELIVERED, ended_at=now)
        if not outcome.again or attempts >= ATTEMPTS:
            return tried._replace(state=DEAD, ended_at=now)
        wait = max(backoff_ms(attempts), min(outcome.wait_ms, _LONGEST_MS))
        return tried._replace(state=WAITING, next_at=now + wait)

    def _note(self, st: Statements, webhook: Webhook, after: Delivery, outcome: Outcome) -> None:
        if not repository.note_attempt(st, after):
            return
        now = self._clock()
        if outcome.again:
            failures = webhook.failures + 1
            # One failure may be the message's own; more of them in a row are the receiver's.
            pause = backoff_ms(failures - 1, _LONGEST_PAUSE_MS) if failures > 1 else 0
            repository.pause(st, webhook.id, failures, now + max(pause, min(outcome.wait_ms, _LONGEST_PAUSE_MS)))
            repository.give_up_old(st, webhook.id, now - _OLDEST_MS, now,
                                   "The receiver could not be reached for three days.")
        elif webhook.failures:
            repository.pause(st, webhook.id, 0, 0)


def deliver_due(installation: Installation, *, outbound: Outbound | None = None,
                clock: Callable[[], int] = now_ms) -> int:
    """Deliver what is due now and return how many attempts were made; raises what kept one from being noted."""
    courier = Courier(installation, outbound=outbound, clock=clock)
    try:
        return sum(future.result() for future in courier.start())
    finally:
        courier.close()


def keep_delivering(installation: Installation, stop: threading.Event) -> None:
    """Deliver messages as they become due, until told to stop; what is under way then is sent again later."""
    courier = Courier(installation)
    pause = _LOOK_SECONDS_POSTGRES if installation.tracking.postgres else _LOOK_SECONDS
    cleaned = 0
    while not stop.wait(pause):
        try:
            courier.start()
            if now_ms() - cleaned > _CLEAN_MS:
                cleaned = now_ms()
                courier.forget_ended()
        except StellwerkError as error:
            _log.error("messages to webhooks cannot be read: %s", error.message)
            stop.wait(5)
        except Exception as error:  # nobody would begin this thread again
            _log.error("messages to webhooks cannot be read", exc_info=error)
            stop.wait(5)
    courier.close(wait=False)
