"""Group rates against fairlearn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from fairlearn import metrics as oracle
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.features.evaluations import fairness
from stellwerk.features.evaluations.metrics import Rows

MINIMUM = {"group": 100, "class": 30}
NONE = {"group": 1, "class": 1}


def make(seed: int, n: int = 900, sizes: tuple[float, ...] = (0.6, 0.3, 0.1)) -> tuple[Rows, list[str]]:
    rng = np.random.default_rng(seed)
    names = [f"g{index}" for index in rng.choice(len(sizes), n, p=sizes)]
    shift = np.array([0.1 * int(name[1]) for name in names])
    labels = rng.random(n) < 0.6 - shift
    scores = np.clip(rng.random(n) - shift + 0.2 * labels, 0, 1)
    return Rows(labels, scores, np.arange(n), scores >= 0.5, scores < 0.5), names


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_worst_pairs_are_fairlearns(seed: int) -> None:
    rows, names = make(seed)
    groups = fairness.measure_groups(rows, names)
    frame = {"y_true": rows.labels, "y_pred": rows.selected, "sensitive_features": names}
    for rate, find in (("selection_rate", oracle.selection_rate), ("true_positive_rate", oracle.true_positive_rate),
                       ("false_positive_rate", oracle.false_positive_rate)):
        theirs = oracle.MetricFrame(metrics=find, **frame)
        pairs = fairness.compare(groups, rate, NONE)
        assert pairs[0].ratio.value == pytest.approx(theirs.ratio())
        assert max(float(pair.difference.value or 0) for pair in pairs) == pytest.approx(theirs.difference())
        for group in groups:
            assert group.rates[rate].value == pytest.approx(theirs.by_group[group.name])


def test_groups_carry_counts_review_calibration_and_price() -> None:
    rows, names = make(1)
    groups = fairness.measure_groups(rows, names)
    first = groups[0]
    mine = np.asarray(names) == first.name
    assert first.n == mine.sum()
    assert first.positives + first.negatives == first.n
    assert first.mean_score == pytest.approx(rows.scores[mine].mean())
    assert float(first.review.value or 0) + float(first.rates["selection_rate"].value or 0) == pytest.approx(1)
    price = fairness.price_json(groups, rows)
    assert sum(group["selected"] for group in price["groups"]) == price["all"]["selected"]
    assert price["groups"][0]["value"] == pytest.approx(rows.selected[mine & ~rows.labels].mean())


def test_a_tiny_group_is_shown_but_is_neither_reference_nor_judged() -> None:
    rows, names = make(2)
    names[:5] = ["tiny"] * 5
    rows.selected[:5] = True
    pairs = fairness.compare(fairness.measure_groups(rows, names), "selection_rate", MINIMUM)
    assert all(pair.reference != "tiny" for pair in pairs)
    tiny = next(pair for pair in pairs if pair.group == "tiny")
    assert tiny.few == "tiny has 5 people, 100 are needed"


def test_a_missing_value_is_a_group_of_its_own() -> None:
    rows, names = make(3)
    values: list[str | None] = [None if row % 2 else name for row, name in enumerate(names)]
    assert fairness.NOT_STATED in {group.name for group in fairness.measure_groups(rows, values)}


def test_people_of_a_class_count_for_rates_of_that_class() -> None:
    rows, names = make(4, n=1000, sizes=(0.5, 0.5))
    labels = rows.labels & (np.asarray(names) == "g0")
    groups = fairness.measure_groups(Rows(labels, rows.scores, rows.subjects, rows.selected, rows.review), names)
    without = next(group for group in groups if group.name == "g1")
    assert without.few("true_positive_rate", MINIMUM) == "g1 has 0 people of the positive class, 30 are needed"
    assert without.few("selection_rate", MINIMUM) is None
    assert fairness.compare(groups, "true_positive_rate", MINIMUM)[0].few is not None


def test_the_sweep_meets_the_figures_at_the_threshold() -> None:
    rows, names = make(5)
    at = next(point for point in fairness.sweep(rows, names, [0.3, 0.5], NONE) if point["threshold"] == 0.5)
    groups = fairness.measure_groups(rows, names)
    assert at["ratio"]["value"] == pytest.approx(fairness.compare(groups, "selection_rate", NONE)[0].ratio.value)
    for group in groups:
        assert at["selection_rate"][group.name] == group.rates["selection_rate"].as_json()


def test_one_group_has_nothing_to_compare() -> None:
    rows, _ = make(6)
    assert fairness.compare(fairness.measure_groups(rows, ["all"] * 900), "selection_rate", MINIMUM) == []
