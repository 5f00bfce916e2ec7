"""Metrics against scikit-learn; the bootstrap in its properties."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from stellwerk.features.evaluations import metrics
from stellwerk.features.evaluations.metrics import Rows

SETTINGS: dict[str, Any] = {"bins": 10, "draws": 200, "seed": 7, "confidence": 0.95}


def rows_of(seed: int = 0, n: int = 400, repeat: int = 1, digits: int = 2) -> Rows:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.4
    labels[:2] = [True, False]
    scores = np.round(np.clip(rng.random(n) * 0.6 + 0.3 * labels, 0, 1), digits)
    labels, scores, people = (np.repeat(each, repeat) for each in (labels, scores, np.arange(n)))
    return Rows(labels, scores, people, scores >= 0.5, (scores < 0.5) & (scores >= 0.4))


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 200), st.integers(0, 3))
def test_metrics_are_scikit_learns(seed: int, n: int, digits: int) -> None:
    rows = rows_of(seed, n, digits=digits)
    assert metrics.roc_auc(rows.labels, rows.scores) == pytest.approx(oracle.roc_auc_score(rows.labels, rows.scores))
    assert metrics.pr_auc(rows.labels, rows.scores) == pytest.approx(
        oracle.average_precision_score(rows.labels, rows.scores))
    assert metrics.brier(rows.labels, rows.scores) == pytest.approx(oracle.brier_score_loss(rows.labels, rows.scores))
    inner = np.clip(rows.scores, 1e-6, 1 - 1e-6)
    assert metrics.log_loss(rows.labels, inner) == pytest.approx(oracle.log_loss(rows.labels, inner))
    tn, fp, fn, tp = oracle.confusion_matrix(rows.labels, rows.selected, labels=[False, True]).ravel()
    assert metrics.confusion(rows) == {"tp": tp, "fp": fp, "fn": fn, "tn": tn}


def test_ece_by_hand() -> None:
    labels = np.array([True, False, True, True])
    scores = np.array([0.05, 0.05, 0.95, 1.0])
    assert metrics.ece(labels, scores) == pytest.approx(0.5 * abs(0.05 - 0.5) + 0.5 * abs(0.975 - 1.0))


@pytest.mark.parametrize("seed", range(5))
def test_every_interval_contains_its_point(seed: int) -> None:
    rows = rows_of(seed)
    people = {"precision": rows.selected.sum(), "recall": rows.labels.sum(),
              "false_positive_rate": (~rows.labels).sum()}
    for name, figure in metrics.quality(rows, **SETTINGS).items():
        assert figure.low is not None, name
        assert figure.value is not None
        assert figure.high is not None
        assert figure.low <= figure.value <= figure.high, name
        assert figure.n == people.get(name, 400), name


def test_intervals_count_people_not_rows() -> None:
    once, thrice = metrics.quality(rows_of(), **SETTINGS), metrics.quality(rows_of(repeat=3), **SETTINGS)
    for name in once:
        assert thrice[name].n == once[name].n, name
        assert thrice[name].low == pytest.approx(once[name].low, abs=1e-9), name


def test_bootstrap_is_the_same_each_time_and_of_the_right_width() -> None:
    rows = rows_of(n=2000, digits=6)
    first, second = metrics.quality(rows, **SETTINGS), metrics.quality(rows, **SETTINGS)
    assert first == second
    losses = np.square(rows.scores - rows.labels)
    normal = 2 * 1.96 * losses.std(ddof=1) / np.sqrt(2000)
    brier = first["brier"]
    assert float(brier.high or 0) - float(brier.low or 0) == pytest.approx(normal, rel=0.2)


def test_blocks_of_draws_are_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(metrics.draws_of(np.arange(50), 30, 1)))
    monkeypatch.setattr(metrics, "_BLOCK", 400)
    parts = list(metrics.draws_of(np.arange(50), 30, 1))
    assert len(parts) == 4
    np.testing.assert_array_equal(whole, np.concatenate(parts))


@pytest.mark.parametrize("metric", metrics.metric_names())
def test_differences_are_paired(metric: str) -> None:
    rows, other = rows_of(0, digits=6), rows_of(0, digits=1)
    found = metrics.difference(metric, rows, other, **SETTINGS)
    mine, theirs = metrics.quality(rows, **SETTINGS)[metric], metrics.quality(other, **SETTINGS)[metric]
    assert found.value == pytest.approx(float(mine.value or 0) - float(theirs.value or 0))
    same = metrics.difference(metric, rows, rows, **SETTINGS)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_one_class_leaves_areas_undefined() -> None:
    rows = rows_of().take(rows_of().labels)
    figures = metrics.quality(rows, **SETTINGS)
    assert figures["roc_auc"].value is None
    assert figures["pr_auc"].value is None
    assert figures["false_positive_rate"].value is None
    assert figures["brier"].value is not None
