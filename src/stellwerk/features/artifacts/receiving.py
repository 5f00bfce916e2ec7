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
    incoming: Incoming | None = None
    try:
        batches = _batches(chunks)
        async for batch, more in batches:
            if incoming is None and not more:
                # All of it is here: one way to a thread and back.
                return await to_thread.run_sync(_whole, begin, batch, finish)
            if incoming is None:
                incoming = await to_thread.run_sync(begin)
            await to_thread.run_sync(incoming.write, batch)
        assert incoming is not None
        return await to_thread.run_sync(finish, incoming)
    finally:
        if incoming is not None:
            # Also where the request is cancelled; removing a large file takes a while.
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(incoming.discard)


async def _batches(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[bytearray, bool]]:
    """Yield large pieces, each with whether another follows; at least one, which may be empty."""
    pending = bytearray()
    iterator = aiter(chunks)
    while True:
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                chunk = await anext(iterator, None)
        except TimeoutError:
            raise TooSlow(f"Nothing came for {_IDLE_SECONDS:g} seconds; nothing was stored.",
                          hint="Send the file again.") from None
        if chunk is None:
            yield pending, False
            return
        pending += chunk
        if len(pending) >= _BATCH:
            yield pending, True
            pending = bytearray()


def _whole(begin: Callable[[], Incoming], content: bytearray, finish: Callable[[Incoming], _T]) -> _T:
    incoming = begin()
    try:
        incoming.write(content)
        return finish(incoming)
    finally:
        incoming.discard()
