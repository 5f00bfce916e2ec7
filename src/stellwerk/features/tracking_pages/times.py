"""Times of tracking, milliseconds since 1970, as pages write them."""

from __future__ import annotations

from stellwerk.kernel.clock import iso_us

# Beyond the year 9999 no calendar of ours reaches; clients may send such times all the same.
_LAST = 253_402_300_799_000


def iso_ms(milliseconds: int | None) -> str | None:
    """Return the ISO form of a time; None for an absent one, for 0 and for what no calendar knows."""
    if not milliseconds or not 0 < milliseconds <= _LAST:
        return None
    return iso_us(milliseconds * 1000)


def seconds_between(start: int, end: int | None) -> float | None:
    """Return the seconds from one time to another, None where one is absent or they stand in the wrong order."""
    if end is None or not start or end < start:
        return None
    return (end - start) / 1000
