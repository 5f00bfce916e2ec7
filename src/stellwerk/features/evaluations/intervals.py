"""95 % intervals for rates, differences, ratios and areas: closed forms from the literature, numpy only.

Rates of small groups are where a bootstrap fails, so rates get score intervals and only means get a bootstrap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """A value with its interval and the number of distinct subjects behind it; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None
    n: int

    def as_json(self) -> dict[str, Any]:
        """Return value, low, high and n, rounded to nine digits after the point."""
        return {"value": _round(self.value), "low": _round(self.low), "high": _round(self.high), "n": self.n}


def undefined(n: int) -> Interval:
    """Return the interval of a quantity that does not exist here, for example a rate of nobody."""
    return Interval(None, None, None, n)


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), 9)


def z_of(confidence: float) -> float:
    """Return the two-sided normal quantile, 1.96 for 0.95."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(rate: float, n: int, confidence: float = 0.95) -> Interval:
    """Return a rate with its score interval (Wilson 1927); ``rate`` in [0, 1], ``n`` people.

    The interval of nobody is not defined.
    """
    if n <= 0:
        return undefined(0)
    z2 = z_of(confidence) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = math.sqrt(z2) / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    low = 0.0 if rate == 0 else max(0.0, min(centre - half, rate))
    high = 1.0 if rate == 1 else min(1.0, max(centre + half, rate))
    return Interval(rate, low, high, n)


def newcombe(first: Interval, second: Interval) -> Interval:
    """Return the difference first - second of two independent rates (Newcombe 1998, method 10).

    Both must carry Wilson intervals of one confidence; n is that of the smaller group.
    """
    n = min(first.n, second.n)
    if first.value is None or second.value is None:
        return undefined(n)
    (low1, high1), (low2, high2) = _limits(first), _limits(second)
    difference = first.value - second.value
    below = math.hypot(first.value - low1, high2 - second.value)
    above = math.hypot(high1 - first.value, second.value - low2)
    return Interval(difference, max(-1.0, difference - below), min(1.0, difference + above), n)


def ratio(first: Interval, second: Interval) -> Interval:
    """Return the ratio first / second of two independent rates by MOVER on the log scale from Wilson limits
    (Zou and Donner 2008; Donner and Zou 2012).

    A first rate of zero has no logarithm: its interval is [0, upper limit / lower limit], which is wider. The
    ratio to a rate of zero is not defined.
    """
    n = min(first.n, second.n)
    if first.value is None or not second.value:
        return undefined(n)
    (low1, high1), (low2, high2) = _limits(first), _limits(second)
    if first.value == 0:
        return Interval(0.0, 0.0, high1 / low2, n)
    log1, log2 = math.log(first.value), math.log(second.value)
    below = math.hypot(log1 - math.log(low1), math.log(high2) - log2)
    above = math.hypot(math.log(high1) - log1, log2 - math.log(low2))
    return Interval(first.value / second.value, math.exp(log1 - log2 - below), math.exp(log1 - log2 + above), n)


def _limits(interval: Interval) -> tuple[float, float]:
    if interval.low is None or interval.high is None:
        raise ValueError("an interval with a value has limits")
    return interval.low, interval.high


def mid_ranks(values: Floats) -> Floats:
    """Return ranks from 1, ties sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[place], dtype=np.float64)


@dataclass(frozen=True)
class Placements:
    """AUC with the structural components of DeLong: how each positive and each negative stands among the others."""

    area: float
    of_positives: Floats
    of_negatives: Floats


def placements(labels: Flags, scores: Floats) -> Placements:
    """Return the AUC and its structural components by mid-ranks in O(n log n) (Sun and Xu 2014)."""
    positive, negative = scores[labels], scores[~labels]
    m, n = len(positive), len(negative)
    ranks = mid_ranks(np.concatenate([positive, negative]))
    of_positives = (ranks[:m] - mid_ranks(positive)) / n
    of_negatives = 1.0 - (ranks[m:] - mid_ranks(negative)) / m
    return Placements(float(of_positives.mean()), of_positives, of_negatives)


def _clustered_variance(part: Placements, labels: Flags, subjects: NDArray[np.int64]) -> float:
    """Return the variance of an AUC, or of a difference of two, whose rows come in clusters of one subject
    (Obuchowski 1997); with one row per subject it is DeLong's (DeLong, DeLong and Clarke-Pearson 1988)."""
    m, n = len(part.of_positives), len(part.of_negatives)
    size = int(subjects.max()) + 1
    a = np.bincount(subjects[labels], weights=part.of_positives - part.of_positives.mean(), minlength=size)
    b = np.bincount(subjects[~labels], weights=part.of_negatives - part.of_negatives.mean(), minlength=size)
    with_positive = len(np.unique(subjects[labels]))
    with_negative = len(np.unique(subjects[~labels]))
    if with_positive < 2 or with_negative < 2:
        return math.nan
    everyone = len(np.unique(subjects))
    own = with_positive / (with_positive - 1) * float(a @ a) / m**2
    others = with_negative / (with_negative - 1) * float(b @ b) / n**2
    return own + others + 2 * everyone / (everyone - 1) * float(a @ b) / (m * n)


def delong(labels: Flags, scores: Floats, subjects: NDArray[np.int64], confidence: float = 0.95) -> Interval:
    """Return ROC AUC with DeLong's interval on the logit scale; rows of one subject count as one cluster.

    ``subjects`` are codes from 0. At an AUC of exactly 0 or 1 the variance vanishes; then the interval is Wilson's
    with the smaller class as n. Not defined without both classes.
    """
    people = len(np.unique(subjects))
    if labels.all() or not labels.any():
        return undefined(people)
    part = placements(labels, scores)
    variance = _clustered_variance(part, labels, subjects)
    if not 0 < part.area < 1 or not variance > 0:
        smaller = min(len(np.unique(subjects[labels])), len(np.unique(subjects[~labels])))
        plain = wilson(part.area, smaller, confidence)
        return Interval(part.area, plain.low, plain.high, people)
    logit = math.log(part.area / (1 - part.area))
    half = z_of(confidence) * math.sqrt(variance) / (part.area * (1 - part.area))
    return Interval(part.area, _expit(logit - half), _expit(logit + half), people)


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > -700 else 0.0


def delong_difference(labels: Flags, first: Floats, second: Floats, subjects: NDArray[np.int64],
                      confidence: float = 0.95) -> Interval:
    """Return AUC(first) - AUC(second) on the same rows with DeLong's paired interval (variance of the difference
    of the structural components)."""
    people = len(np.unique(subjects))
    if labels.all() or not labels.any():
        return undefined(people)
    one, two = placements(labels, first), placements(labels, second)
    both = Placements(one.area - two.area, one.of_positives - two.of_positives, one.of_negatives - two.of_negatives)
    variance = _clustered_variance(both, labels, subjects)
    if math.isnan(variance):
        return undefined(people)
    half = z_of(confidence) * math.sqrt(max(variance, 0.0))
    return Interval(both.area, max(-1.0, both.area - half), min(1.0, both.area + half), people)
