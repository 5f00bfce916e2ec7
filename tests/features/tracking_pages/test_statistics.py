"""Statistics of columns: exact for numbers, counted for texts."""

from __future__ import annotations

import random
import statistics as known

import pytest

from stellwerk.features.tracking_pages.statistics import BINS, Statistics, of_counts, of_numbers


def of(values: list[float], odd: int = 0) -> Statistics:
    return of_numbers(sorted(values), [1] * len(values), odd)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 999])
def test_median_and_range_are_exact(count: int) -> None:
    values = [random.Random(count).gauss(0, 1) for _ in range(count)]
    found = of(values)
    assert (found.n, found.low, found.high) == (count, min(values), max(values))
    assert found.median == pytest.approx(known.median(values))


def test_weighted_values_are_like_repeated_ones() -> None:
    values, counts = [1.0, 2.0, 5.0, 9.0], [3, 1, 4, 2]
    repeated = [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
    weighted = of_numbers(values, counts, 0, 4)
    single = of(repeated)
    assert (weighted.median, weighted.bars) == (single.median, single.bars)
    assert weighted.n == 10


def test_bars_count_every_value_once() -> None:
    found = of([float(value) for value in range(160)])
    assert found.bars == (1.0,) * BINS
    assert of([3.0, 3.0]).bars == (1.0,)
    assert of([-1e308, 1e308]).bars == ()
    assert of([], odd=2) == Statistics(2, odd=2)


def test_params_count_values_and_read_numbers() -> None:
    numeric = of_counts([("0.1", 5), ("10", 4), ("1e0", 1)])
    assert (numeric.n, numeric.low, numeric.median, numeric.high, numeric.distinct) == (10, 0.1, 0.55, 10.0, 3)
    for texts in ([("adam", 3), ("sgd", 1)], [("1", 3), ("nan", 1)], [("1", 3), ("", 1)]):
        found = of_counts(texts)
        assert (found.n, found.median, found.distinct, found.top) == (4, None, 2, texts[0][0])
    assert of_counts([("a", 1), ("b", 1)]).top is None
    assert of_counts([]) == Statistics(0, distinct=0)
    many = of_counts([(str(number), 1) for number in range(5001)])
    assert (many.distinct, many.more, many.median) == (5000, True, None)
