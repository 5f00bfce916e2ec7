"""Server-sent events for ``data-live`` parts of a page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from starlette.responses import StreamingResponse

EventName = Literal["fragment", "line", "reload", "done"]


def event(name: EventName, data: str = "") -> bytes:
    """Return one event; each line of the data becomes a data field, as the format asks."""
    lines = data.splitlines() or [""]
    return (f"event: {name}\n" + "".join(f"data: {line}\n" for line in lines) + "\n").encode()


def live_response(events: AsyncIterator[bytes]) -> StreamingResponse:
    """Return the stream of events to a browser."""
    return StreamingResponse(events, media_type="text/event-stream",
                             headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
