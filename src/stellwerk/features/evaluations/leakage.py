"""Whether a row was scored by a model that had seen its subject, or its very twin."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def leakage(subjects: NDArray[np.int64], folds: NDArray[np.int64],
            row_keys: NDArray[np.int64] | None) -> dict[str, Any]:
    """Return subjects that stand both in test and in training, and test rows with an equal row in training.

    ``folds`` is the fold of each row, -1 for a row that was only trained on; ``row_keys`` holds equal numbers for
    rows with equal inputs and target, or is None when nobody looked. Training of a fold is every row outside it.
    ``holds`` is false only when a subject is on both sides; equal rows of different people are a remark.
    """
    shared = _both_sides(subjects, folds)
    twins = None
    if row_keys is not None:
        keys = np.unique(row_keys, return_inverse=True)[1]
        twins = int((np.isin(keys, np.flatnonzero(_spans(keys, folds))) & (folds >= 0)).sum())
    tested = int((folds >= 0).sum())
    return {"holds": shared == 0, "subjects_on_both_sides": shared, "rows_with_a_twin_in_training": twins,
            "rows_tested": tested, "rows_only_trained_on": int((folds < 0).sum())}


def _spans(codes: NDArray[np.int64], folds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return, per code, whether its rows stand in more than one part (folds, or the part only trained on)."""
    low = np.full(int(codes.max()) + 1, np.iinfo(np.int64).max)
    high = np.full(int(codes.max()) + 1, -2)
    np.minimum.at(low, codes, folds)
    np.maximum.at(high, codes, folds)
    return np.asarray(low != high, dtype=np.bool_)


def _both_sides(subjects: NDArray[np.int64], folds: NDArray[np.int64]) -> int:
    codes = np.unique(subjects, return_inverse=True)[1]
    return int(_spans(codes, folds).sum())
