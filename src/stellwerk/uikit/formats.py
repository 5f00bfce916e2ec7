"""Numbers, shares, hashes and times as people read them."""

from __future__ import annotations

import math
from datetime import datetime

_THIN = "\u202f"


def number(value: float | int | None, digits: int = 2) -> str:
    """Return a number with thousands apart; whole numbers without decimals, an absent one as a dash."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    text = f"{value:,d}" if isinstance(value, int) else f"{value:,.{digits}f}"
    return text.replace("-", "\u2212")


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share between 0 and 1 as per cent."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value * 100:.{digits}f}{_THIN}%".replace("-", "\u2212")


def short_hash(text: str) -> str:
    """Return a hash or id shortened in the middle, whole when it has at most 16 characters."""
    return text if len(text) <= 16 else f"{text[:7]}…{text[-5:]}"


def plain_time(iso: str) -> str:
    """Return an ISO time in UTC as a person reads it without scripts: ``24 Nov 2026, 09:00 UTC``."""
    moment = datetime.fromisoformat(iso)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


def duration(seconds: float | None) -> str:
    """Return a span of time: ``820 ms``, ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: int | None) -> str:
    """Return a number of bytes in steps of 1,000: ``4.2 MB``."""
    if count is None:
        return "–"
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("unreachable")
