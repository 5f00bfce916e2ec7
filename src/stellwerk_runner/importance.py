"""What each input contributes to the released model, by permutation."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from stellwerk_runner import estimator

_MOST_ROWS = 2000
_MOST_INPUTS = 60


def rank_auc(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve as the Mann-Whitney statistic with mid-ranks; NaN without both classes."""
    count = int(positive.sum())
    others = len(positive) - count
    if not count or not others:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return float((ranks[place][positive].sum() - count * (count + 1) / 2) / (count * others))


def importances(fitted: Any, data: pl.DataFrame, inputs: list[str], task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return, per input, how much ROC AUC falls when its column is shuffled (one seeded shuffle, at most 2,000 rows).

    Largest first. Measured on rows that the released model may have seen: an order of the inputs, not a quality.
    Empty when there are more than 60 inputs (then it is not cheap).
    """
    if len(inputs) > _MOST_INPUTS:
        return []
    rng = np.random.default_rng(int(task["seed"]))
    rows = data[np.sort(rng.permutation(data.height)[:_MOST_ROWS])]
    positive = (rows[task["target"]] == task["positive"]).fill_null(False).to_numpy()
    which = estimator.positive_index(fitted, task["positive"])

    def auc(table: pl.DataFrame) -> float:
        return rank_auc(positive, estimator.probabilities(fitted, table, inputs)[:, which])

    whole = auc(rows)
    if not np.isfinite(whole):
        return []
    found = []
    for name in inputs:
        order = rng.permutation(rows.height)
        found.append({"input": name, "drop": round(whole - auc(rows.with_columns(rows[name][order])), 6)})
    return sorted(found, key=lambda each: -each["drop"])
