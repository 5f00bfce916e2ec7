"""Decision ids: a UUIDv7 whose random part names the writer and the segment, so an id names the file to open."""

from __future__ import annotations

import os
import time
import uuid

from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.ids import uuid7

SLOTS = 1 << 12
SEGMENTS = 1 << 20
_RANDOM_BITS = 42


class Randomness:
    """Random bytes from the operating system, drawn in bulk: a call for each decision would yield to other threads.

    May be used from one thread, and not beyond a fork.
    """

    def __init__(self, bulk: int = 4096) -> None:
        self._bulk = bulk
        self._bytes = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes, each given out once; at most as many as are drawn at a time."""
        if self._at + count > len(self._bytes):
            self._bytes, self._at = os.urandom(self._bulk), 0
        self._at += count
        return self._bytes[self._at - count:self._at]


def new_decision_id(slot: int, segment: int, noise: bytes | None = None) -> str:
    """Return a new id of a writer slot (below 4,096) and segment (below 1,048,576); ``noise`` is 6 random bytes."""
    bits = int.from_bytes(noise or os.urandom(6), "big") & ((1 << _RANDOM_BITS) - 1)
    return str(uuid7(time.time_ns() // 1_000_000, slot, segment << _RANDOM_BITS | bits))


def place_of(decision_id: str) -> tuple[int, int]:
    """Return (slot, segment) of an id; raises BadInput for text that is no decision id."""
    try:
        value = uuid.UUID(decision_id)
    except ValueError:
        value = None
    if value is None or value.version != 7 or str(value) != decision_id:
        raise BadInput("This is no id of a decision.", field="id", value=decision_id[:80],
                       allowed="the id that came with the answer, 36 characters")
    return (value.int >> 64) & (SLOTS - 1), (value.int >> _RANDOM_BITS) & (SEGMENTS - 1)
