"""Numbers that runs log, as tables and sentences write them."""

from __future__ import annotations

import math

# Infinity is kept as the largest double.
LARGEST = 1.79e308
_MINUS = "\u2212"


def is_infinite(value: float) -> bool:
    """Tell whether a value stands for infinity."""
    return abs(value) >= LARGEST


def figure(value: float | int | None, digits: int = 4) -> str:
    """Return a number with so many significant digits: ``0.9132``, ``12,345``, ``1.2e−7``; an absent one as a dash."""
    if value is None:
        return "–"
    if math.isnan(value):
        return "NaN"
    if is_infinite(value):
        return "∞" if value > 0 else f"{_MINUS}∞"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e7 or size < 1e-4:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
    elif size >= 10 ** (digits - 1):
        text = f"{value:,.0f}"
    else:
        places = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{value:.{places}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
    return text.replace("-", _MINUS)


def plain(value: float | int) -> float | int | str:
    """Return a number as files hold it: whole ones without a point, NaN and infinity by name."""
    if math.isnan(value):
        return "NaN"
    if is_infinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else value
