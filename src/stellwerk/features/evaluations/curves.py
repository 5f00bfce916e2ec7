"""Points for the charts of an evaluation, few enough to send with the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from stellwerk.features.evaluations.intervals import Floats
from stellwerk.features.evaluations.metrics import Rows, bins_of

_POINTS = 150


def curves(rows: Rows, bins: int, confidence: float) -> dict[str, Any]:
    """Return ``roc`` ([false positive rate, recall, threshold]), ``pr`` ([recall, precision, threshold]),
    ``calibration`` (per bin: low, high, n, mean_score, rate) and ``histogram`` (20 bins: positive, negative)."""
    order = np.argsort(-rows.scores, kind="stable")
    scores, labels = rows.scores[order], rows.labels[order]
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    hits, misses = np.cumsum(labels)[last], np.cumsum(~labels)[last]
    positives, negatives = int(labels.sum()), int((~labels).sum())
    kept = _thin(len(last))
    roc, pr = [], []
    if positives and negatives:
        roc = [[0.0, 0.0, None], *_points(misses / negatives, hits / positives, scores[last], kept)]
        pr = _points(hits / positives, hits / (hits + misses), scores[last], kept)
    return {"roc": roc, "pr": pr, "calibration": _calibration(rows, bins, confidence), "histogram": _histogram(rows)}


def _thin(count: int) -> list[int]:
    if count <= _POINTS:
        return list(range(count))
    return sorted(set(np.linspace(0, count - 1, _POINTS).round().astype(int).tolist()))


def _points(first: Floats, second: Floats, thresholds: Floats, kept: list[int]) -> list[list[float | None]]:
    return [[round(float(first[i]), 6), round(float(second[i]), 6), round(float(thresholds[i]), 6)] for i in kept]


def _calibration(rows: Rows, bins: int, confidence: float) -> list[dict[str, Any]]:
    place = bins_of(rows.scores, bins)
    found = []
    for number in range(bins):
        mask = place == number
        if mask.any():
            found.append({"low": number / bins, "high": (number + 1) / bins, "rows": int(mask.sum()),
                          "mean_score": round(float(rows.scores[mask].mean()), 6),
                          "rate": rows.share(rows.labels, mask, confidence).as_json()})
    return found


def _histogram(rows: Rows) -> list[dict[str, Any]]:
    place = bins_of(rows.scores, 20)
    positive = np.bincount(place[rows.labels], minlength=20)
    negative = np.bincount(place[~rows.labels], minlength=20)
    return [{"low": number / 20, "high": (number + 1) / 20, "positive": int(positive[number]),
             "negative": int(negative[number])} for number in range(20)]
