"""Intervals against scipy, against published values, and in their properties."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from stellwerk.features.evaluations.intervals import (
    Interval,
    delong,
    delong_difference,
    mid_ranks,
    newcombe,
    ratio,
    undefined,
    wilson,
)

counts = st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def rate(pair: tuple[int, int]) -> Interval:
    return wilson(pair[0] / pair[1], pair[1])


def inside(interval: Interval) -> bool:
    assert interval.low is not None
    assert interval.value is not None
    assert interval.high is not None
    return interval.low <= interval.value <= interval.high


@given(counts)
def test_wilson_is_scipys(pair: tuple[int, int]) -> None:
    mine, theirs = rate(pair), stats.binomtest(*pair).proportion_ci(0.95, method="wilson")
    assert mine.low == pytest.approx(theirs.low, abs=1e-12)
    assert mine.high == pytest.approx(theirs.high, abs=1e-12)
    assert inside(mine)


@given(counts)
def test_wilson_is_symmetric(pair: tuple[int, int]) -> None:
    here, there = rate(pair), rate((pair[1] - pair[0], pair[1]))
    assert here.low == pytest.approx(1 - float(there.high or 0), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 5000), st.integers(1, 5000))
def test_wilson_narrows_with_more_people(share: float, n: int, more: int) -> None:
    small, large = wilson(share, n), wilson(share, n + more)
    assert float(large.high or 0) - float(large.low or 0) <= float(small.high or 0) - float(small.low or 0) + 1e-12


@pytest.mark.parametrize(("first", "second", "low", "high"), [
    # Newcombe 1998, table II, method 10.
    ((56, 70), (48, 80), 0.0524, 0.3339), ((9, 10), (3, 10), 0.1705, 0.8090), ((10, 10), (0, 10), 0.6075, 1.0),
    ((5, 56), (0, 29), -0.0381, 0.1926),
])
def test_newcombe_gives_the_published_intervals(first: Any, second: Any, low: float, high: float) -> None:
    found = newcombe(rate(first), rate(second))
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@given(counts, counts)
def test_newcombe_turns_sign_with_the_order(first: tuple[int, int], second: tuple[int, int]) -> None:
    here, there = newcombe(rate(first), rate(second)), newcombe(rate(second), rate(first))
    assert here.value == pytest.approx(-float(there.value or 0))
    assert here.low == pytest.approx(-float(there.high or 0))
    assert inside(here)


@given(counts.filter(lambda pair: pair[0] > 0), counts.filter(lambda pair: pair[0] > 0))
def test_ratio_inverts_with_the_order(first: tuple[int, int], second: tuple[int, int]) -> None:
    here, there = ratio(rate(first), rate(second)), ratio(rate(second), rate(first))
    assert here.value == pytest.approx(1 / float(there.value or 0))
    assert here.low == pytest.approx(1 / float(there.high or 0))
    assert inside(here)


@pytest.mark.parametrize("truth", [(0.9, 0.95, 60, 400), (0.6, 0.85, 300, 2000), (0.1, 0.3, 100, 500)])
def test_ratio_covers_the_truth_about_as_often_as_it_says(truth: tuple[float, float, int, int]) -> None:
    p1, p2, n1, n2 = truth
    rng = np.random.default_rng(5)
    drawn = [ratio(rate((int(a), n1)), rate((int(b), n2)))
             for a, b in zip(rng.binomial(n1, p1, 2000), rng.binomial(n2, p2, 2000), strict=True)]
    covered = np.mean([float(each.low or 0) <= p1 / p2 <= float(each.high or math.inf) for each in drawn])
    assert 0.93 <= covered <= 0.975


def test_rates_of_nobody_and_of_zero() -> None:
    assert wilson(0.0, 0) == undefined(0)
    assert ratio(rate((3, 10)), rate((0, 10))).value is None
    nothing = ratio(rate((0, 10)), rate((5, 10)))
    assert (nothing.value, nothing.low) == (0.0, 0.0)
    assert float(nothing.high or 0) > 1
    assert newcombe(undefined(0), rate((1, 2))).value is None


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40))
def test_mid_ranks_are_scipys(values: list[int]) -> None:
    np.testing.assert_allclose(mid_ranks(np.asarray(values, dtype=float)), stats.rankdata(values))


def _slow_variance(labels: np.ndarray, scores: np.ndarray) -> float:
    positive, negative = scores[labels], scores[~labels]
    wins = (positive[:, None] > negative[None, :]) + 0.5 * (positive[:, None] == negative[None, :])
    return float(wins.mean(1).var(ddof=1) / len(positive) + wins.mean(0).var(ddof=1) / len(negative))


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.integers(6, 60))
def test_delong_is_its_quadratic_definition(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3 == 0
    scores = np.round(rng.random(n) * 0.7 + 0.3 * labels, 1)
    found = delong(labels, scores, np.arange(n))
    assert found.value == pytest.approx(roc_auc_score(labels, scores))
    assert inside(found)
    if 0 < float(found.value or 0) < 1 and _slow_variance(labels, scores) > 0:
        area = float(found.value or 0)
        half = 1.959963984540054 * math.sqrt(_slow_variance(labels, scores)) / (area * (1 - area))
        logit = math.log(area / (1 - area))
        assert found.low == pytest.approx(1 / (1 + math.exp(half - logit)))


def test_delong_knows_that_repeated_rows_are_no_new_people() -> None:
    rng = np.random.default_rng(1)
    labels = rng.random(200) < 0.4
    scores = rng.random(200) * 0.6 + 0.4 * labels
    once = delong(labels, scores, np.arange(200))
    thrice = delong(np.repeat(labels, 3), np.repeat(scores, 3), np.repeat(np.arange(200), 3))
    assert thrice.n == once.n == 200
    assert thrice.low == pytest.approx(once.low, abs=1e-9)


def test_perfect_order_still_has_an_interval() -> None:
    found = delong(np.array([True] * 20 + [False] * 30), np.linspace(1, 0, 50), np.arange(50))
    assert found.value == 1.0
    assert found.high == 1.0
    assert 0.8 < float(found.low or 0) < 0.9
    assert delong(np.ones(5, dtype=bool), np.ones(5), np.arange(5)).value is None


def test_paired_difference_is_narrower_than_two_intervals_and_zero_for_equal_scores() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random(500) < 0.3
    scores = rng.normal(size=500) + labels
    near = scores + rng.normal(size=500) * 0.2
    people = np.arange(500)
    same = delong_difference(labels, scores, scores, people)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)
    found = delong_difference(labels, scores, near, people)
    one = delong(labels, scores, people)
    assert found.value == pytest.approx(roc_auc_score(labels, scores) - roc_auc_score(labels, near))
    assert float(found.high or 0) - float(found.low or 0) < 0.5 * (float(one.high or 0) - float(one.low or 0))
    assert inside(found)
