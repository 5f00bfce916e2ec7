"""Time as the platform keeps it: aware UTC with microseconds, integers in the stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """Return the present moment as an aware UTC time."""
    return datetime.now(UTC)


def to_us(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware time; raises ValueError for a naive one."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(microseconds: int) -> datetime:
    """Return the aware UTC time of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def iso(moment: datetime) -> str:
    """Return the time as ``2026-11-24T09:00:00.000000Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso_us(microseconds: int | None) -> str | None:
    """Return the ISO form of stored microseconds, or None for an absent time."""
    return None if microseconds is None else iso(from_us(microseconds))
