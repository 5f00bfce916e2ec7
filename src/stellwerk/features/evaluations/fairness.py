"""How groups fare at the threshold: rates with Wilson intervals, differences by Newcombe, ratios by MOVER.

For each rate the reference is the group with the highest rate among those large enough to judge; every other group
is compared with it, and the worst pair stands for the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stellwerk.features.evaluations.intervals import Flags, Interval, newcombe, ratio, undefined, wilson
from stellwerk.features.evaluations.metrics import Rows

NOT_STATED = "(not stated)"
# Each rate of a group: which label its people have (None: all).
RATES: dict[str, bool | None] = {"selection_rate": None, "true_positive_rate": True, "false_positive_rate": False}


@dataclass(frozen=True)
class Group:
    """One value of a protected attribute and how it fares; ``positives``, ``negatives`` and ``n`` are people."""

    name: str
    n: int
    rows: int
    positives: int
    negatives: int
    rates: Mapping[str, Interval]
    review: Interval
    actual: Interval
    mean_score: float | None
    denied_selected: Interval
    denied_selected_rows: int

    def few(self, rate: str, minimum: Mapping[str, int]) -> str | None:
        """Return in words why this group has too few people to judge a rate by, else None."""
        if self.n < minimum["group"]:
            return f"{self.name} has {self.n} people, {minimum['group']} are needed"
        label = RATES.get(rate)
        count = self.positives if label else self.negatives
        if label is not None and count < minimum["class"]:
            return f"{self.name} has {count} people of the {'positive' if label else 'negative'} class, " \
                   f"{minimum['class']} are needed"
        return None


@dataclass(frozen=True)
class Pair:
    """A group against the reference in one rate; ``few`` says why it cannot be judged, else None."""

    group: str
    reference: str
    ratio: Interval
    difference: Interval
    few: str | None


def names_of(values: Sequence[Any]) -> list[str]:
    """Return group names of a protected column; a missing value is its own, named group."""
    return [NOT_STATED if value is None else str(value) for value in values]


def measure_groups(rows: Rows, values: Sequence[Any], confidence: float = 0.95) -> list[Group]:
    """Return how each group fares, largest group first; ``values`` holds one entry per row."""
    names = np.asarray(names_of(values), dtype=object)
    groups = [_measure(name, rows.take(names == name), confidence) for name in sorted(set(names))]
    return sorted(groups, key=lambda group: (-group.n, group.name))


def _measure(name: str, rows: Rows, confidence: float) -> Group:
    denied = ~rows.labels
    return Group(
        name=name, n=rows.people, rows=len(rows.labels),
        positives=len(np.unique(rows.subjects[rows.labels])), negatives=len(np.unique(rows.subjects[denied])),
        rates={rate: rows.share(rows.selected, _among(rows, label), confidence) for rate, label in RATES.items()},
        review=rows.share(rows.review, confidence=confidence),
        actual=rows.share(rows.labels, confidence=confidence),
        mean_score=float(rows.scores.mean()) if len(rows.scores) else None,
        denied_selected=rows.share(rows.selected, denied, confidence),
        denied_selected_rows=int((rows.selected & denied).sum()),
    )


def _among(rows: Rows, label: bool | None) -> Flags | None:
    return None if label is None else rows.labels == label


def compare(groups: Sequence[Group], rate: str, minimum: Mapping[str, int]) -> list[Pair]:
    """Return every group against the reference in one rate, the smallest ratio first; empty for one group."""
    judged = [group for group in groups if group.few(rate, minimum) is None]
    known = [group for group in judged or groups if group.rates[rate].value is not None]
    if not known or len(groups) < 2:
        return []
    best = max(known, key=lambda group: (group.rates[rate].value or 0.0, group.n, group.name))
    pairs = [Pair(group=group.name, reference=best.name, ratio=ratio(group.rates[rate], best.rates[rate]),
                  difference=newcombe(best.rates[rate], group.rates[rate]),
                  few=group.few(rate, minimum) or best.few(rate, minimum))
             for group in groups if group is not best]
    return sorted(pairs, key=lambda pair: (pair.ratio.value is None, pair.ratio.value or 0.0, pair.group))


def group_json(group: Group) -> dict[str, Any]:
    """Return a group as an evaluation records it; ``calibration`` is mean score against what really happened."""
    return {
        "group": group.name, "n": group.n, "rows": group.rows, "positives": group.positives,
        "negatives": group.negatives,
        **{rate: interval.as_json() for rate, interval in group.rates.items()},
        "review_share": group.review.as_json(),
        "calibration": {"mean_score": None if group.mean_score is None else round(group.mean_score, 9),
                        "rate": group.actual.as_json()},
    }


def pair_json(pair: Pair) -> dict[str, Any]:
    """Return a comparison as an evaluation records it."""
    return {"group": pair.group, "reference": pair.reference, "ratio": pair.ratio.as_json(),
            "difference": pair.difference.as_json(), "few": pair.few}


def price_json(groups: Sequence[Group], rows: Rows, confidence: float = 0.95) -> dict[str, Any]:
    """Return what selecting costs: of the people whose true outcome was negative, how many are selected, per group."""
    denied = ~rows.labels
    return {
        "all": {**rows.share(rows.selected, denied, confidence).as_json(),
                "selected": int((rows.selected & denied).sum()), "of": int(denied.sum())},
        "groups": [{"group": group.name, **group.denied_selected.as_json(),
                    "selected": group.denied_selected_rows, "of": group.negatives} for group in groups],
    }


def sweep(rows: Rows, values: Sequence[Any], thresholds: Sequence[float], minimum: Mapping[str, int],
          confidence: float = 0.95) -> list[dict[str, Any]]:
    """Return, per threshold, each group's selection rate and the worst ratio with its interval.

    Groups that are too small to judge do not count for the worst ratio.
    """
    names = np.asarray(names_of(values), dtype=object)
    parts = [(name, np.sort(rows.scores[names == name]), len(np.unique(rows.subjects[names == name])))
             for name in sorted(set(names))]
    found = []
    for threshold in thresholds:
        rates = {name: wilson(1 - np.searchsorted(scores, threshold, side="left") / len(scores), n, confidence)
                 for name, scores, n in parts}
        large = [rate for name, rate in rates.items() if rate.n >= minimum["group"]]
        worst = undefined(0)
        if len(large) > 1:
            best = max(large, key=lambda rate: rate.value or 0.0)
            others = [ratio(rate, best) for rate in large if rate is not best]
            worst = min(others, key=lambda each: (each.value is None, each.value or 0.0))
        found.append({"threshold": round(float(threshold), 6), "ratio": worst.as_json(),
                      "selection_rate": {name: rate.as_json() for name, rate in rates.items()}})
    return found
