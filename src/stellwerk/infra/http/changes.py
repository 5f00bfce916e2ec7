"""Waiting for the control database to change, for pages that follow it live."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi.concurrency import run_in_threadpool

_LOOK_SECONDS = 0.25
# A browser connects again by itself; each connection is admitted anew, so rights that were taken away end here.
STREAM_SECONDS = 300.0
_SIGN_OF_LIFE_SECONDS = 20.0
# A comment in the format of server-sent events: browsers skip it, dead connections show.
SIGN_OF_LIFE = b": alive\n\n"


class ChangeCounter:
    """Tells whether anyone committed to a SQLite file; looking costs no lock and reads one page at most."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, check_same_thread=False)

    def version(self) -> int:
        """Return a number that differs from the last one when another connection has committed since."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


async def changes(file: Path, seconds: float = STREAM_SECONDS) -> AsyncIterator[bool]:
    """Yield True at the start and whenever the database changed, False from time to time in between.

    Ends after ``seconds``.
    """
    counter = await run_in_threadpool(ChangeCounter, file)
    try:
        seen = await run_in_threadpool(counter.version)
        end, alive = time.monotonic() + seconds, time.monotonic()
        yield True
        while time.monotonic() < end:
            await asyncio.sleep(_LOOK_SECONDS)
            version = await run_in_threadpool(counter.version)
            if version != seen:
                seen, alive = version, time.monotonic()
                yield True
            elif time.monotonic() - alive >= _SIGN_OF_LIFE_SECONDS:
                alive = time.monotonic()
                yield False
    finally:
        counter.close()
