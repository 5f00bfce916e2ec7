"""Identifiers: UUID version 7 (RFC 9562), so that ids sort by the time of their making."""

from __future__ import annotations

import os
import time
import uuid


def uuid7(unix_ms: int, rand_a: int, rand_b: int) -> uuid.UUID:
    """Build a UUIDv7 from its parts: 48 bits of milliseconds, 12 bits ``rand_a``, 62 bits ``rand_b``.

    Raises ValueError when a part does not fit.
    """
    if not (0 <= unix_ms < 1 << 48 and 0 <= rand_a < 1 << 12 and 0 <= rand_b < 1 << 62):
        raise ValueError("a part of the UUIDv7 is out of range")
    return uuid.UUID(int=unix_ms << 80 | 0x7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b)


def new_id() -> str:
    """Return a new UUIDv7 as text."""
    noise = int.from_bytes(os.urandom(10), "big")
    return str(uuid7(time.time_ns() // 1_000_000, noise & 0xFFF, (noise >> 12) & ((1 << 62) - 1)))
