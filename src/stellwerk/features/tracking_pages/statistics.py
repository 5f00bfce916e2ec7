"""What the values of a column are like, computed over all runs of a view: n, range, median and a small histogram."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from stellwerk.features import runs
from stellwerk.features.tracking_pages.columns import RunColumn
from stellwerk.features.tracking_pages.figures import figure, is_infinite
from stellwerk.infra.tracking_database import Statements

BINS = 16
# More distinct values than this are told as a lower bound.
_MOST_VALUES = 5000


@dataclass(frozen=True)
class Statistics:
    """One column: ``n`` runs have a value; numbers have range, median and bars between 0 and 1, texts the top value.

    ``distinct`` is None for metrics; ``more`` says that it is a lower bound.
    """

    n: int
    low: float | None = None
    median: float | None = None
    high: float | None = None
    bars: tuple[float, ...] = ()
    distinct: int | None = None
    top: str | None = None
    more: bool = False
    odd: int = 0

    @property
    def words(self) -> str:
        """The column in words, for readers of the screen."""
        if self.median is not None:
            return f"n {self.n:,}, from {figure(self.low)} to {figure(self.high)}, median {figure(self.median)}"
        return f"n {self.n:,}" if self.top is None else f"n {self.n:,}, most often {self.top}"


def statistics_of(st: Statements, scope: runs.overview.Scope, column: RunColumn) -> Statistics | None:
    """Return what a column is like, None for an attribute."""
    if column.kind == "metric":
        values, odd = runs.overview.metric_in_order(st, scope, column.key)
        finite = [value for value in values if not is_infinite(value)]
        return of_numbers(finite, [1] * len(finite), odd + len(values) - len(finite), None)
    if column.kind == "attribute":
        return None
    return of_counts(runs.overview.value_counts(st, scope, column.kind, column.key, _MOST_VALUES + 1))


def of_counts(counts: Sequence[tuple[str, int]]) -> Statistics:
    """Return the statistics of texts and how often each occurs, the most frequent first."""
    distinct, more = min(len(counts), _MOST_VALUES), len(counts) > _MOST_VALUES
    numbers = None if more else _numbers(counts)
    if numbers is not None:
        return of_numbers([value for value, _ in numbers], [count for _, count in numbers], 0, distinct)
    return Statistics(sum(count for _, count in counts), distinct=distinct, more=more,
                      top=counts[0][0] if counts and counts[0][1] > 1 else None)


def _numbers(counts: Sequence[tuple[str, int]]) -> list[tuple[float, int]] | None:
    """Return values as numbers in order with their counts, or None where one is no number or there is none."""
    found = []
    for text, count in counts:
        try:
            value = float(text)
        except ValueError:
            return None
        if not math.isfinite(value):
            return None
        found.append((value, count))
    return sorted(found) or None


def of_numbers(values: Sequence[float], counts: Sequence[int], odd: int = 0,
               distinct: int | None = None) -> Statistics:
    """Return the statistics of sorted values, each with how often it occurs; ``odd`` counts NaN and infinity."""
    total = sum(counts)
    if not total:
        return Statistics(odd, odd=odd, distinct=distinct)
    low, high = values[0], values[-1]
    return Statistics(total + odd, low, _median(values, counts, total), high, _bars(values, counts, low, high),
                      distinct, odd=odd)


def _median(values: Sequence[float], counts: Sequence[int], total: int) -> float:
    if len(values) == total:
        return values[(total - 1) // 2] / 2 + values[total // 2] / 2
    places = [(total - 1) // 2, total // 2]
    found: list[float] = []
    passed = 0
    for value, count in zip(values, counts, strict=True):
        while len(found) < 2 and places[len(found)] < passed + count:
            found.append(value)
        passed += count
    return found[0] / 2 + found[1] / 2


def _bars(values: Sequence[float], counts: Sequence[int], low: float, high: float) -> tuple[float, ...]:
    if low == high:
        return (1.0,)
    if not math.isfinite(high - low):
        return ()
    edges = [low + (high - low) * (step / BINS) for step in range(BINS + 1)]
    if len(values) == sum(counts):
        places = [0, *(bisect_left(values, edge) for edge in edges[1:-1]), len(values)]
        heights = [after - before for before, after in itertools.pairwise(places)]
    else:
        heights = [0] * BINS
        for value, count in zip(values, counts, strict=True):
            heights[min(bisect_right(edges, value) - 1, BINS - 1)] += count
    tallest = max(heights)
    return tuple(height / tallest for height in heights)
