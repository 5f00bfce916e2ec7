"""Numbers as tables write them, and times that clients may send."""

from __future__ import annotations

import math

import pytest

from stellwerk.features.tracking_pages.figures import figure, plain
from stellwerk.features.tracking_pages.times import iso_ms, seconds_between

MOST = 1.7976931348623157e308


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (0.91324, "0.9132"), (0.9, "0.9"), (12345.6, "12,346"), (1.5, "1.5"), (-0.25, "−0.25"), (1e-7, "1e−7"),
    (1.234567e-7, "1.235e−7"), (0.0001, "0.0001"), (123456789, "1.235e8"), (1000.4, "1,000"), (999.96, "1000"),
    (math.nan, "NaN"), (MOST, "∞"), (-MOST, "−∞"), (math.inf, "∞"), (None, "–"), (60, "60"), (100, "100")])
def test_figure(value: float | None, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(("value", "held"), [
    (0.5, 0.5), (60.0, 60), (math.nan, "NaN"), (MOST, "Infinity"), (-MOST, "-Infinity"), (1e300, 1e300)])
def test_plain(value: float, held: object) -> None:
    assert plain(value) == held


def test_times_that_no_calendar_knows() -> None:
    assert iso_ms(1_700_000_000_000) == "2023-11-14T22:13:20.000000Z"
    for odd in (None, 0, -5, 2**62, 253_402_300_800_000):
        assert iso_ms(odd) is None
    assert seconds_between(1000, 3500) == 2.5
    assert seconds_between(0, 3500) is None
    assert seconds_between(1000, 900) is None
    assert seconds_between(1000, None) is None
