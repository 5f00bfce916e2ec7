"""Folds and holdout: one side per subject, and membership that does not depend on other rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.features.evaluations.folds import fold_numbers, holdout_mask
from stellwerk.features.evaluations.plan import choose_split, fold_of_rows, split_rows
from stellwerk.kernel.errors import BadInput

people = st.lists(st.integers(0, 60), min_size=30, max_size=200)


@given(people, st.integers(0, 99), st.randoms(use_true_random=False))
def test_folds_keep_subjects_together_whatever_the_order(subjects: list[int], seed: int, random: object) -> None:
    labels = [subject % 3 == 0 for subject in subjects]
    if len(set(subjects)) < 4:
        with pytest.raises(BadInput):
            fold_numbers(subjects, labels, 4, seed)
        return
    numbers = fold_numbers(subjects, labels, 4, seed)
    of_subject = {subject: int(number) for subject, number in zip(subjects, numbers, strict=True)}
    assert all(of_subject[subject] == number for subject, number in zip(subjects, numbers, strict=True))
    order = sorted(range(len(subjects)), key=lambda row: (subjects[row] * 7919 % 101, -row))
    again = fold_numbers([subjects[row] for row in order], [labels[row] for row in order], 4, seed)
    np.testing.assert_array_equal(again, numbers[order])


def test_folds_spread_labels_evenly() -> None:
    labels = np.arange(1000) % 10 == 0
    numbers = fold_numbers(range(1000), labels.tolist(), 5, 7)
    assert np.bincount(numbers).tolist() == [200] * 5
    assert np.bincount(numbers[labels]).tolist() == [20] * 5
    assert (numbers != fold_numbers(range(1000), labels.tolist(), 5, 8)).mean() > 0.7


@given(people, people, st.integers(0, 99))
def test_holdout_rows_stay_when_data_grow(subjects: list[int], more: list[int], seed: int) -> None:
    before = holdout_mask(subjects, 0.25, seed)
    after = holdout_mask([*more, *subjects], 0.25, seed)
    np.testing.assert_array_equal(after[len(more):], before)


def test_holdout_has_about_its_share() -> None:
    assert holdout_mask(range(20_000), 0.25, 3).mean() == pytest.approx(0.25, abs=0.01)


def test_the_default_is_folds_for_few_rows_or_small_groups() -> None:
    labels = np.arange(30_000) % 2 == 0
    subjects = list(range(30_000))
    few = choose_split({}, subjects[:500], labels[:500], {})
    assert (few["kind"], few["folds"]) == ("folds", 5)
    rare = ["rare" if row < 300 else "rest" for row in range(30_000)]
    small = choose_split({}, subjects, labels, {"group": rare})
    assert small["kind"] == "folds"
    assert "group rare" in small["reason"]
    assert choose_split({}, subjects, labels, {"group": ["x"] * 15_000 + ["y"] * 15_000})["kind"] == "holdout"
    assert choose_split({"holdout": 0.5}, subjects[:500], labels[:500], {})["share"] == 0.5
    assert choose_split({"folds": 3}, subjects, labels, {})["folds"] == 3


def test_split_rows_are_what_the_runner_takes() -> None:
    labels = np.arange(40) % 2 == 0
    folds = split_rows({"kind": "folds", "folds": 4, "seed": 1}, range(40), labels)
    assert sorted(row for fold in folds["folds"] for row in fold) == list(range(40))
    numbers = fold_of_rows(folds, 40)
    assert all(numbers[row] == number for number, fold in enumerate(folds["folds"]) for row in fold)
    held = split_rows({"kind": "holdout", "share": 0.3, "seed": 1}, range(40), labels)
    assert set(np.flatnonzero(fold_of_rows(held, 40) == 0)) == set(held["holdout"])


def test_a_holdout_of_nobody_says_why() -> None:
    with pytest.raises(BadInput) as caught:
        split_rows({"kind": "holdout", "share": 1e-9, "seed": 1}, range(40), np.arange(40) % 2 == 0)
    assert caught.value.hint
