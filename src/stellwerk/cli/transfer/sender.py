"""Sending in a thread of its own, so that the next batch is read while the last one is stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from stellwerk.cli.transfer.target import Target

_AHEAD = 3


class Sender:
    """Posts encoded requests in order. Use as a context; an error is raised where a later request is queued."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._thread = ThreadPoolExecutor(1, "sender")
        self._waiting: deque[Future[None]] = deque()
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        if kind is None:
            self.flush()
        # Whatever is left unsent after an error is brought by the next call of the command.
        self._thread.shutdown(wait=True, cancel_futures=True)

    def put(self, path: str, body: bytes, done: Callable[[], None] | None = None) -> None:
        """Queue a request; ``done`` is called once it was answered. Raises the error of an earlier one."""
        while len(self._waiting) >= _AHEAD or (self._waiting and self._waiting[0].done()):
            self._waiting.popleft().result()
        self._waiting.append(self._thread.submit(self._send, path, body, done))

    def flush(self) -> None:
        """Wait until all that was queued is answered; raises the error of any."""
        while self._waiting:
            self._waiting.popleft().result()

    def _send(self, path: str, body: bytes, done: Callable[[], None] | None) -> None:
        # Later requests speak of what earlier ones brought, so after an error none of them may go out.
        if self._broken:
            return
        self._broken = True
        self._target.post_bytes(path, body)
        self._broken = False
        if done is not None:
            done()
