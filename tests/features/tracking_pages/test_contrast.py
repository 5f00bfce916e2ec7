"""What sets runs apart, in numbers."""

from __future__ import annotations

import pytest

from stellwerk.features.tracking_pages.columns import RunColumn
from stellwerk.features.tracking_pages.contrast import (
    Scale,
    differing,
    dots_chart,
    parallel_chart,
    rank_correlation,
    scale_of,
)
from stellwerk.features.tracking_pages.curves import smoothed
from stellwerk.features.tracking_pages.interest import by_interest, falls

LR, LOSS, SOLVER = RunColumn("param", "lr"), RunColumn("metric", "loss"), RunColumn("param", "solver")


def test_a_key_that_one_run_lacks_differs() -> None:
    assert differing([{"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "3"}]) == (["b", "c"], ["a"])
    assert differing([{"a": "1"}]) == ([], ["a"])


def test_axes_by_numbers_logarithms_and_names() -> None:
    assert scale_of(["1", "3", None]) == Scale("numbers", 1.0, 3.0)
    assert scale_of(["0.0001", "10"]).kind == "log"
    assert scale_of(["-1", "10000"]).kind == "numbers"
    names = scale_of(["adam", "3", "adam"])
    assert (names.kind, names.names) == ("names", ("3", "adam"))
    assert [names.place(value) for value in ("3", "adam", None)] == [0.0, 1.0, None]
    assert scale_of(["7", "7"]).place("7") == 0.5
    assert scale_of(["0.01", "100"]).place("1") == pytest.approx(0.5)
    assert scale_of([-1e308, 1e308]).place(0.0) == 0.5
    # NaN has no place among numbers and makes no names of them.
    assert scale_of([0.5, float("nan"), 1.0]).place(float("nan")) is None


def test_parallel_coordinates_name_the_best_by_the_last_metric() -> None:
    rows = [{"params.lr": "0.1", "metrics.loss": 0.5}, {"params.lr": "0.2", "metrics.loss": 0.3}, {"params.lr": "x"}]
    chart = parallel_chart([LR, LOSS], ["a", "b", "c"], rows)
    assert chart.title == "b has the lowest loss: 0.3"
    assert chart.rows[2] == ["c", "x", "–"]
    twice = parallel_chart([RunColumn("param", "x"), RunColumn("metric", "x")], ["a"], [{"params.x": "1"}])
    assert list(twice.columns) == ["Run", "x", "x (2)"]


def test_two_columns_tell_how_they_go_together() -> None:
    rows = [{"params.lr": str(step), "metrics.loss": float(step**2), "params.solver": "ab"[step % 2]}
            for step in range(1, 8)]
    labels = [f"run {step}" for step in range(7)]
    rising = dots_chart(LR, LOSS, labels, rows)
    assert rising is not None
    assert rising.title == "loss clearly rises with lr: rank correlation 1 over 7 runs"
    named = dots_chart(SOLVER, LOSS, labels, rows)
    assert named is not None
    assert named.title == "loss against solver, 7 runs"
    assert dots_chart(LR, RunColumn("metric", "none"), labels, rows) is None


@pytest.mark.parametrize(("pairs", "expected"), [
    ([(1, 1), (2, 4), (3, 9)], 1.0), ([(1, 9), (2, 4), (3, 1)], -1.0), ([(1, 1), (1, 2), (1, 3)], None),
    ([(1, 1), (2, 1), (3, 2), (4, 2)], 0.8944271909999159), ([], None)])
def test_rank_correlation(pairs: list[tuple[float, float]], expected: float | None) -> None:
    assert rank_correlation(pairs) == pytest.approx(expected)


def test_smoothing_begins_at_the_first_point_and_follows() -> None:
    points = [(float(step), 1.0 if step < 50 else 0.0) for step in range(100)]
    assert smoothed(points, 0.0) == points
    found = smoothed(points, 0.9)
    assert found[0] == (0.0, pytest.approx(1.0))
    assert found[49][1] == pytest.approx(1.0)
    assert found[-1][1] == pytest.approx(0.9**50, rel=0.01)


def test_what_readers_ask_for_first() -> None:
    keys = ["epoch", "loss", "system/cpu_utilization", "train_loss", "val_loss", "val_auc", "test_accuracy", "auc"]
    assert by_interest(keys) == ["test_accuracy", "val_auc", "val_loss", "auc", "loss", "train_loss", "epoch",
                                 "system/cpu_utilization"]
    assert [falls(key) for key in ("val_loss", "rmse", "auc", "closs", "eval/Log-Loss")] == [True, True, False, False,
                                                                                        True]
