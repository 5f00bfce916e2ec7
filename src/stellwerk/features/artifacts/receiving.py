"""Taking in bytes of any size: piece by piece, off the event loop, whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import anyio
from anyio import to_thread

from stellwerk.infra.objects import Incoming
from stellwerk.kernel.errors import StellwerkError

_T = TypeVar("_T")
# Large enough that handing it to a thread costs little beside writing it.
_BATCH = 1 << 20
_IDLE_SECONDS = 120.0


class TooSlow(StellwerkError):
    """The sender stopped sending."""

    code = "request_timeout"
    status = 408


async def receive(chunks: AsyncIterator[bytes], begin: Callable[[], Incoming], finish: Callable[[Incoming], _T]) -> _T:
    """Write a stream to a file and return what ``finish`` makes of it; ``begin`` and ``finish`` run in threads.

    Whatever fails, and when the caller goes away, nothing of the file stays. Raises TooSlow when nothing comes for two
    minutes.
    """
    incoming = await to_thread.run_sync(begin)
    try:
        pending = bytearray()
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_IDLE_SECONDS) as patience:
                async for chunk in chunks:
                    pending += chunk
                    if len(pending) >= _BATCH:
                        await to_thread.run_sync(incoming.write, pending)
                        pending = bytearray()
                    patience.reschedule(loop.time() + _IDLE_SECONDS)
        except TimeoutError:
            raise TooSlow(f"Nothing came for {_IDLE_SECONDS:g} seconds; nothing was stored.",
                          hint="Send the file again.") from None
        return await to_thread.run_sync(_finish, incoming, pending, finish)
    finally:
        # Also where the request is cancelled; removing a large file takes a while.
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(incoming.discard)


def _finish(incoming: Incoming, rest: bytearray, finish: Callable[[Incoming], _T]) -> _T:
    incoming.write(rest)
    return finish(incoming)
