"""Quality of scores against labels: definitions, and intervals by DeLong, Wilson or a bootstrap over subjects.

Every metric takes row weights, since a bootstrap draw is a set of weights: a subject drawn twice counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stellwerk.features.evaluations.intervals import (
    Flags,
    Floats,
    Interval,
    delong,
    delong_difference,
    placements,
    undefined,
    wilson,
)

_SMALLEST = 1e-15
_BLOCK = 2_000_000  # cells of bootstrap weights in memory at a time
_HIGHEST = {"pr_auc": 1.0, "log_loss": np.inf, "brier": 1.0, "ece": 1.0}
HIGHER_IS_BETTER = {"roc_auc": True, "pr_auc": True, "log_loss": False, "brier": False, "ece": False,
                    "accuracy": True, "precision": True, "recall": True, "false_positive_rate": False,
                    "selection_rate": True}


def roc_auc(labels: Flags, scores: Floats) -> float:
    """Return the share of pairs (positive, negative) in which the positive scores higher, ties half (Mann-Whitney)."""
    return placements(labels, scores).area


def pr_auc(labels: Flags, scores: Floats) -> float:
    """Return average precision, sum over thresholds of (recall step) x precision, without interpolation."""
    return float(weighted_pr_auc(labels, scores, np.ones((1, len(scores))))[0])


def weighted_pr_auc(labels: Flags, scores: Floats, weights: Floats) -> Floats:
    """Return average precision under each row of weights (shape draws x rows)."""
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    sorted_weights = weights[:, order]
    hits = np.cumsum(sorted_weights * labels[order], axis=1)[:, last_of_tie]
    seen = np.cumsum(sorted_weights, axis=1)[:, last_of_tie]
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    steps = np.diff(hits, axis=1, prepend=0.0)
    total = hits[:, -1]
    area = (steps * precision).sum(axis=1)
    return _divide(area, total)


def _divide(part: Floats, whole: Floats) -> Floats:
    found: Floats = np.full(len(whole), np.nan)
    np.divide(part, whole, out=found, where=whole > 0)
    return found


def log_losses(labels: Flags, scores: Floats) -> Floats:
    """Return minus the natural logarithm of the probability given to what happened, scores kept 1e-15 from 0 and 1."""
    kept = np.clip(scores, _SMALLEST, 1 - _SMALLEST)
    return np.asarray(-np.log(np.where(labels, kept, 1 - kept)), dtype=np.float64)


def log_loss(labels: Flags, scores: Floats) -> float:
    """Return the mean log loss, natural logarithm."""
    return float(log_losses(labels, scores).mean())


def brier(labels: Flags, scores: Floats) -> float:
    """Return the mean squared difference of score and label (Brier 1950)."""
    return float(np.square(scores - labels).mean())


def bins_of(scores: Floats, bins: int) -> NDArray[np.int64]:
    """Return the equal-width bin of each score: [0, 1/bins), …, the last one closed."""
    return np.minimum((scores * bins).astype(np.int64), bins - 1)


def ece(labels: Flags, scores: Floats, bins: int = 10) -> float:
    """Return the expected calibration error: mean over equal-width bins of |mean score - rate|, weighted by count."""
    return float(weighted_ece(labels, scores, np.ones((1, len(scores))), bins)[0])


def weighted_ece(labels: Flags, scores: Floats, weights: Floats, bins: int) -> Floats:
    """Return the expected calibration error under each row of weights (shape draws x rows)."""
    place = bins_of(scores, bins)
    gaps = np.zeros((len(scores), bins))
    gaps[np.arange(len(scores)), place] = scores - labels
    return np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)


def draws_of(subjects: NDArray[np.int64], draws: int, seed: int) -> Iterator[Floats]:
    """Yield bootstrap weights per row in blocks, each of shape some draws x rows: subjects are drawn with
    replacement, all their rows together; the same seed and subjects give the same weights."""
    people = int(subjects.max()) + 1
    rng = np.random.default_rng(seed)
    block = max(1, min(draws, _BLOCK // len(subjects)))
    for start in range(0, draws, block):
        weights = np.empty((min(block, draws - start), len(subjects)))
        for draw in range(len(weights)):
            weights[draw] = np.bincount(rng.integers(people, size=people), minlength=people)[subjects]
        yield weights


def bootstrap(point: float, drawn: Floats, n: int, confidence: float, low: float, high: float) -> Interval:
    """Return the percentile interval of bootstrap values, shifted by their bias, within [low, high].

    The expected calibration error of a resample is larger than that of the sample; without the shift (Efron 1981,
    bias correction in its plain form) the interval would lie above the point.
    """
    kept = drawn[np.isfinite(drawn)]
    if not len(kept) or not np.isfinite(point):
        return undefined(n)
    tail = (1 - confidence) / 2 * 100
    shifted = kept - kept.mean() + point
    lower, upper = np.percentile(shifted, [tail, 100 - tail])
    return Interval(point, float(max(low, min(lower, point))), float(min(high, max(upper, point))), n)


@dataclass(frozen=True)
class Rows:
    """Evaluated rows: labels, scores, subject codes from 0, and what the decision rule made of each score."""

    labels: Flags
    scores: Floats
    subjects: NDArray[np.int64]
    selected: Flags
    review: Flags

    @property
    def people(self) -> int:
        """Return the number of distinct subjects."""
        return len(np.unique(self.subjects))

    def take(self, mask: Flags) -> Rows:
        """Return only the rows of the mask."""
        return Rows(self.labels[mask], self.scores[mask], self.subjects[mask], self.selected[mask], self.review[mask])

    def share(self, of: Flags, among: Flags | None = None, confidence: float = 0.95) -> Interval:
        """Return the share of rows ``of`` among the rows ``among`` with Wilson's interval, n distinct subjects."""
        mask = np.ones(len(self.labels), dtype=bool) if among is None else among
        if not mask.any():
            return undefined(0)
        return wilson(float(of[mask].mean()), len(np.unique(self.subjects[mask])), confidence)


def confusion(rows: Rows) -> dict[str, int]:
    """Return the counts at the threshold as if no person intervened: tp, fp, fn, tn."""
    chosen, label = rows.selected, rows.labels
    return {"tp": int((chosen & label).sum()), "fp": int((chosen & ~label).sum()),
            "fn": int((~chosen & label).sum()), "tn": int((~chosen & ~label).sum())}


def quality(rows: Rows, *, bins: int, draws: int, seed: int, confidence: float) -> dict[str, Interval]:
    """Return every metric with its interval, by name; see HIGHER_IS_BETTER for the names."""
    labels, people = rows.labels, rows.people
    codes = np.unique(rows.subjects, return_inverse=True)[1]
    both = bool(labels.any() and not labels.all())
    names = [name for name in _HIGHEST if both or name != "pr_auc"]
    ones = np.ones((1, len(labels)))
    drawn: dict[str, list[Floats]] = {name: [] for name in names}
    for weights in draws_of(codes, draws, seed):
        for name in names:
            drawn[name].append(_WEIGHTED[name](rows, weights, bins))
    means = {name: bootstrap(float(_WEIGHTED[name](rows, ones, bins)[0]), np.concatenate(drawn[name]), people,
                             confidence, 0.0, _HIGHEST[name]) for name in names}
    return {
        "roc_auc": delong(labels, rows.scores, codes, confidence),
        "pr_auc": undefined(people),
        **means,
        "accuracy": rows.share(rows.selected == labels, confidence=confidence),
        "precision": rows.share(labels, rows.selected, confidence),
        "recall": rows.share(rows.selected, labels, confidence),
        "false_positive_rate": rows.share(rows.selected, ~labels, confidence),
        "selection_rate": rows.share(rows.selected, confidence=confidence),
    }


def difference(metric: str, rows: Rows, other: Rows, *, bins: int, draws: int, seed: int,
               confidence: float) -> Interval:
    """Return metric(rows) - metric(other) on the same labels and subjects with a paired interval.

    ROC AUC by DeLong's paired form, the others by a bootstrap that draws the same subjects for both. Raises KeyError
    for an unknown metric.
    """
    codes = np.unique(rows.subjects, return_inverse=True)[1]
    if metric == "roc_auc":
        return delong_difference(rows.labels, rows.scores, other.scores, codes, confidence)
    measure = _WEIGHTED[metric]
    ones = np.ones((1, len(rows.labels)))
    point = float(measure(rows, ones, bins)[0] - measure(other, ones, bins)[0])
    drawn = np.concatenate([measure(rows, weights, bins) - measure(other, weights, bins)
                            for weights in draws_of(codes, draws, seed)])
    return bootstrap(point, drawn, rows.people, confidence, -np.inf, np.inf)


def _mean(values: Floats | Flags, weights: Floats, among: Flags | None = None) -> Floats:
    kept = weights if among is None else weights * among
    total = kept.sum(axis=1)
    return _divide(kept @ values.astype(np.float64), total)


_WEIGHTED: dict[str, Callable[[Rows, Floats, int], Floats]] = {
    "pr_auc": lambda rows, weights, bins: weighted_pr_auc(rows.labels, rows.scores, weights),
    "log_loss": lambda rows, weights, bins: _mean(log_losses(rows.labels, rows.scores), weights),
    "brier": lambda rows, weights, bins: _mean(np.square(rows.scores - rows.labels), weights),
    "ece": lambda rows, weights, bins: weighted_ece(rows.labels, rows.scores, weights, bins),
    "accuracy": lambda rows, weights, bins: _mean(rows.selected == rows.labels, weights),
    "precision": lambda rows, weights, bins: _mean(rows.labels, weights, rows.selected),
    "recall": lambda rows, weights, bins: _mean(rows.selected, weights, rows.labels),
    "false_positive_rate": lambda rows, weights, bins: _mean(rows.selected, weights, ~rows.labels),
    "selection_rate": lambda rows, weights, bins: _mean(rows.selected, weights),
}


def metric_names() -> Sequence[str]:
    """Return the names of the metrics of a whole evaluation."""
    return list(HIGHER_IS_BETTER)
