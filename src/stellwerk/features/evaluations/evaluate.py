"""The whole evaluation of one model version on named rows, by a plan: figures first, verdicts from them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.features.evaluations import fairness, metrics, verdicts
from stellwerk.features.evaluations.curves import curves
from stellwerk.features.evaluations.intervals import Flags, Floats, Interval
from stellwerk.features.evaluations.leakage import leakage
from stellwerk.features.evaluations.metrics import Rows
from stellwerk.features.evaluations.plan import REVIEW, SELECTED, DecisionRule
from stellwerk.kernel.errors import BadInput


@dataclass(frozen=True)
class Columns:
    """What an evaluation needs of the data, one entry per row, all rows of the data set version.

    ``labels`` is true for the positive label, ``folds`` the fold of each row (-1: only trained on), ``protected`` the
    values of each protected attribute, ``row_keys`` equal numbers for rows with equal inputs and target.
    """

    labels: Flags
    subjects: Sequence[Hashable]
    folds: NDArray[np.int64]
    protected: Mapping[str, Sequence[Any]]
    row_keys: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Champion:
    """The version in service: its scores per row (NaN where it was trained on the row or not scored) and rule."""

    version: int
    scores: Floats
    serve: Mapping[str, Any]


@dataclass(frozen=True)
class EvaluationResult:
    """Figures (a JSON-able dict), verdicts per gate, and the verdict over all."""

    result: dict[str, Any]
    verdicts: list[dict[str, Any]]
    verdict: str


def evaluate(columns: Columns, scores: Floats, plan: Mapping[str, Any], *, champion: Champion | None = None,
             parity: Mapping[str, Any] | None = None) -> EvaluationResult:
    """Evaluate ``scores`` (probability of the positive label by a model that did not see the row) by a plan.

    The result has: v, n (people), rows, positives, negatives, base_rate, serve, metrics, confusion, review_share,
    curves, groups (per attribute: groups, comparisons per rate, sweep), price (per attribute), leakage, parity,
    champion. Each figure is {value, low, high, n}. Raises BadInput when a tested row has no score or a score lies
    outside [0, 1].
    """
    tested = columns.folds >= 0
    _check_scores(scores, tested)
    codes = _codes(columns.subjects)
    rows = _rows(columns.labels, scores, codes, DecisionRule.of(plan["serve"]), tested)
    protected = {name: [value for value, keep in zip(columns.protected[name], tested, strict=True) if keep]
                 for name in plan["protected"]}
    confidence = float(plan["confidence"])
    groups = {name: fairness.measure_groups(rows, values, confidence) for name, values in protected.items()}
    result = {
        "v": 1, "n": rows.people, "rows": len(rows.labels),
        "positives": len(np.unique(rows.subjects[rows.labels])),
        "negatives": len(np.unique(rows.subjects[~rows.labels])),
        "base_rate": rows.share(rows.labels, confidence=confidence).as_json(), "serve": dict(plan["serve"]),
        "metrics": _json(_quality(rows, plan)), "confusion": metrics.confusion(rows),
        "review_share": rows.share(rows.review, confidence=confidence).as_json(),
        "curves": curves(rows, plan["ece"]["bins"], confidence),
        "groups": {name: _group_part(rows, protected[name], groups[name], plan) for name in protected},
        "price": {name: fairness.price_json(groups[name], rows, confidence) for name in protected},
        "leakage": leakage(codes, columns.folds, columns.row_keys),
        "parity": None if parity is None else dict(parity),
        "champion": None if champion is None else _champion_part(champion, columns, codes, scores, plan),
    }
    judged = verdicts.judge(plan, result)
    return EvaluationResult(result, judged, verdicts.overall(judged))


def _check_scores(scores: Floats, tested: Flags) -> None:
    if not tested.any():
        raise BadInput("No row was tested.", field="evaluate", hint="Use folds, or a larger holdout share.")
    seen = scores[tested]
    wrong = np.flatnonzero(~((seen >= 0) & (seen <= 1)))
    if len(wrong):
        row = int(np.flatnonzero(tested)[wrong[0]])
        raise BadInput(f"{len(wrong)} of {len(seen)} scores are no probabilities.", field=f"score of row {row}",
                       value=str(scores[row]), allowed="0 to 1",
                       hint="Return a classifier whose predict_proba gives probabilities.")


def _codes(subjects: Sequence[Hashable]) -> NDArray[np.int64]:
    known: dict[Hashable, int] = {}
    return np.fromiter((known.setdefault(subject, len(known)) for subject in subjects), dtype=np.int64,
                       count=len(subjects))


def _rows(labels: Flags, scores: Floats, codes: NDArray[np.int64], rule: DecisionRule, mask: Flags) -> Rows:
    decided = rule.decide(scores[mask])
    return Rows(labels[mask], scores[mask], codes[mask], decided == SELECTED, decided == REVIEW)


def _json(figures: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: figure.as_json() for name, figure in figures.items()}


def _quality(rows: Rows, plan: Mapping[str, Any]) -> dict[str, Interval]:
    return metrics.quality(rows, bins=plan["ece"]["bins"], draws=plan["bootstrap"]["draws"],
                           seed=plan["bootstrap"]["seed"], confidence=plan["confidence"])


def _group_part(rows: Rows, values: Sequence[Any], groups: Sequence[fairness.Group],
                plan: Mapping[str, Any]) -> dict[str, Any]:
    minimum, confidence = plan["minimum"], plan["confidence"]
    rule = DecisionRule.of(plan["serve"])
    thresholds = sorted({*np.arange(0.02, 1.0, 0.02).round(2).tolist(), rule.selected_from})
    return {
        "groups": [fairness.group_json(group) for group in groups],
        "comparisons": {rate: [fairness.pair_json(pair) for pair in fairness.compare(groups, rate, minimum)]
                        for rate in fairness.RATES},
        "sweep": fairness.sweep(rows, values, thresholds, minimum, confidence),
    }


def _champion_part(champion: Champion, columns: Columns, codes: NDArray[np.int64], scores: Floats,
                   plan: Mapping[str, Any]) -> dict[str, Any]:
    """Compare with the champion on the rows that neither was trained on."""
    shared = (columns.folds >= 0) & np.isfinite(champion.scores)
    wanted = {*plan["metrics"], *(gate["metric"] for gate in plan["gates"] if gate["side"] == "champion")}
    differences: dict[str, Any] = {}
    if shared.any():
        mine = _rows(columns.labels, scores, codes, DecisionRule.of(plan["serve"]), shared)
        theirs = _rows(columns.labels, champion.scores, codes, DecisionRule.of(champion.serve), shared)
        for metric in sorted(wanted & set(metrics.HIGHER_IS_BETTER)):
            differences[metric] = metrics.difference(
                metric, mine, theirs, bins=plan["ece"]["bins"], draws=plan["bootstrap"]["draws"],
                seed=plan["bootstrap"]["seed"], confidence=plan["confidence"]).as_json()
    return {"version": champion.version, "rows": int(shared.sum()), "serve": dict(champion.serve),
            "differences": differences}
