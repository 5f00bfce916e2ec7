"""A brake on guessing: failed attempts per name and per address, kept in memory of the one server process."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque

from stellwerk.kernel.errors import StellwerkError

_WINDOW_SECONDS = 15 * 60
_KEYS = 10_000


class TooManyAttempts(StellwerkError):
    """Too many failed attempts; ``retry_after`` is in seconds."""

    code = "too_many_attempts"
    status = 429

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many failed attempts. Try again in {max(1, -(-retry_after // 60))} minutes.",
                         hint="Or ask the operator for a one-time link: stellwerk user link NAME")
        self.retry_after = retry_after


class Attempts:
    """Failures in the last 15 minutes: at most 5 of one name from one address, 30 of one address or one name."""

    def __init__(self) -> None:
        self._failures: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    @staticmethod
    def _limits(name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        return ((name, address), 5), (("", address), 30), ((name, ""), 30)

    def take(self, name: str, address: str, now: float) -> None:
        """Count an attempt as failed until it succeeds, so that parallel guesses do not slip through.

        ``now`` is in seconds of a monotonic clock. Raises TooManyAttempts when a limit is reached.
        """
        with self._lock:
            limits = self._limits(name, address)
            for key, limit in limits:
                times = self._failures.get(key)
                while times and times[0] <= now - _WINDOW_SECONDS:
                    times.popleft()
                if times and len(times) >= limit:
                    raise TooManyAttempts(int(times[0] + _WINDOW_SECONDS - now) + 1)
            for key, _ in limits:
                self._failures.setdefault(key, deque()).append(now)
                self._failures.move_to_end(key)
            while len(self._failures) > _KEYS:
                self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str) -> None:
        """Take back the attempt that :meth:`take` counted, and forget this name's failures from this address."""
        with self._lock:
            self._failures.pop((name, address), None)
            for key in (("", address), (name, "")):
                times = self._failures.get(key)
                if times:
                    times.pop()
