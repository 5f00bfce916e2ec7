"""The plan of an evaluation, fixed and recorded before its result: split, decision rule, metrics, gates, minima."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stellwerk.features.evaluations.fairness import RATES
from stellwerk.features.evaluations.folds import fold_numbers, holdout_mask
from stellwerk.features.evaluations.intervals import Flags, Floats
from stellwerk.features.evaluations.metrics import HIGHER_IS_BETTER
from stellwerk.kernel.errors import BadInput

FOLDS_BELOW_ROWS = 20_000
DEFAULT_FOLDS = 5
DEFAULT_SHARE = 0.25
MINIMUM = {"group": 100, "class": 30}
GROUP_COMPARISONS = tuple(f"{rate}_{kind}" for rate in RATES for kind in ("ratio", "difference"))
REJECTED, REVIEW, SELECTED = 0, 1, 2


@dataclass(frozen=True)
class DecisionRule:
    """How a score becomes a decision: selected from ``selected_from`` up, handed to a person from ``review_from``."""

    selected_from: float
    review_from: float

    @classmethod
    def of(cls, serve: Mapping[str, Any]) -> DecisionRule:
        """Return the rule of a manifest's ``serve``: threshold and below (review or reject), or between [low, high]."""
        between = serve.get("between")
        if between:
            return cls(selected_from=float(between[1]), review_from=float(between[0]))
        threshold = float(serve["threshold"])
        return cls(threshold, -np.inf if serve.get("below", "review") == "review" else threshold)

    def decide(self, scores: Floats) -> NDArray[np.int64]:
        """Return 2 for selected, 1 for review, 0 for rejected."""
        return np.where(scores >= self.selected_from, SELECTED,
                        np.where(scores >= self.review_from, REVIEW, REJECTED)).astype(np.int64)


def choose_split(evaluate: Mapping[str, Any], subjects: Sequence[Hashable], labels: Flags,
                 protected: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return how rows are split, with the reason in words.

    What the manifest's ``evaluate`` names holds (folds, or a holdout share). Else folds below 20,000 rows, or where
    the holdout would have fewer than 100 people, or 30 of a class, of a protected group.
    """
    seed = int(evaluate.get("seed", 0))
    folds = {"kind": "folds", "folds": int(evaluate.get("folds") or DEFAULT_FOLDS), "seed": seed}
    holdout = {"kind": "holdout", "share": float(evaluate.get("holdout") or DEFAULT_SHARE), "seed": seed}
    if evaluate.get("folds"):
        return {**folds, "reason": "as the manifest says"}
    if evaluate.get("holdout"):
        return {**holdout, "reason": "as the manifest says"}
    if len(labels) < FOLDS_BELOW_ROWS:
        return {**folds, "reason": f"{len(labels)} rows are fewer than {FOLDS_BELOW_ROWS}"}
    held = holdout_mask(subjects, DEFAULT_SHARE, seed)
    few = _few_in_holdout(np.asarray(subjects, dtype=object), labels, held, protected)
    return {**folds, "reason": few} if few else {**holdout, "reason": "enough people of each group are held out"}


def _few_in_holdout(subjects: NDArray[Any], labels: Flags, held: Flags,
                    protected: Mapping[str, Sequence[Any]]) -> str | None:
    for attribute, values in protected.items():
        names = np.asarray([str(value) for value in values], dtype=object)
        for name in sorted(set(names)):
            mine = held & (names == name)
            people = len(set(subjects[mine]))
            smaller = min(len(set(subjects[mine & labels])), len(set(subjects[mine & ~labels])))
            if people < MINIMUM["group"] or smaller < MINIMUM["class"]:
                return f"a holdout would have {people} people of {attribute} {name}, {smaller} of the smaller class"
    return None


def split_rows(split: Mapping[str, Any], subjects: Sequence[Hashable], labels: Flags) -> dict[str, list[Any]]:
    """Return the row numbers of a split: ``{"folds": [[…], …]}`` or ``{"holdout": […]}``, as the runner takes them.

    Raises BadInput when a side would be empty.
    """
    if split["kind"] == "folds":
        numbers = fold_numbers(subjects, [bool(label) for label in labels], split["folds"], split["seed"])
        return {"folds": [np.flatnonzero(numbers == fold).tolist() for fold in range(split["folds"])]}
    held = holdout_mask(subjects, split["share"], split["seed"])
    if held.all() or not held.any():
        raise BadInput("The holdout would leave one side without rows.", field="evaluate.holdout",
                       value=split["share"], hint="Use folds, or another share.")
    return {"holdout": np.flatnonzero(held).tolist()}


def all_rows(seed: int, rows: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """Return the split and the row numbers for a model that was trained elsewhere: it is judged on every row."""
    split = {"kind": "given", "seed": seed, "reason": "the model was trained elsewhere; which of these rows it saw "
                                                      "is not known here"}
    return split, {"holdout": list(range(rows))}


def fold_of_rows(split_result: Mapping[str, Sequence[Any]], rows: int) -> NDArray[np.int64]:
    """Return the fold of each row from what ``split_rows`` gave; 0 for holdout rows, -1 for rows only trained on."""
    numbers = np.full(rows, -1, dtype=np.int64)
    for fold, members in enumerate(split_result.get("folds") or [split_result["holdout"]]):
        numbers[np.asarray(members, dtype=np.int64)] = fold
    return numbers


def make_plan(*, target: str, positive: Any, subject: str | None, protected: Sequence[str], serve: Mapping[str, Any],
              split: Mapping[str, Any], metrics: Sequence[str], gates: Sequence[Mapping[str, Any]],
              champion: int | None = None) -> dict[str, Any]:
    """Return the plan as recorded before any result; raises BadInput for a gate that nothing can judge.

    ``serve`` is the manifest's threshold and below (or between), ``champion`` the number of the version in service.
    """
    seed = int(split.get("seed", 0))
    return {
        "v": 1, "target": target, "positive": positive, "subject": subject, "protected": list(protected),
        "serve": _serve(serve),
        "split": dict(split), "metrics": list(metrics), "gates": gate_plans(gates, protected), "champion": champion,
        "confidence": 0.95, "bootstrap": {"draws": 300, "seed": seed, "unit": "subject"},
        "ece": {"bins": 10, "kind": "equal width, weighted by count"}, "minimum": dict(MINIMUM),
        "methods": {
            "roc_auc": "DeLong by Sun and Xu on the logit scale, rows of one subject as a cluster",
            "rates": "Wilson, n distinct subjects", "differences": "Newcombe",
            "ratios": "MOVER on the log scale from Wilson limits",
            "others": "percentile bootstrap over subjects, shifted by its bias",
        },
    }


def _serve(serve: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: serve[name] for name in ("threshold", "below", "between") if serve.get(name) is not None}
    return {**kept, "between": list(kept["between"])} if "between" in kept else kept


def gate_plans(gates: Sequence[Mapping[str, Any]], protected: Sequence[str]) -> list[dict[str, Any]]:
    """Return gates in one form: id, metric, by, side (at_least, at_most, champion), limit, judge.

    Group gates judge by interval, quality gates by point, unless ``judge`` says otherwise.
    """
    plans: list[dict[str, Any]] = []
    for index, gate in enumerate(gates):
        metric, by = str(gate["metric"]), gate.get("by")
        _check_gate(index, metric, by, protected)
        side = "at_least" if gate.get("at_least") is not None else "at_most"
        limit = gate.get(side)
        if gate.get("not_worse_than"):
            side, limit = "champion", gate.get("within") or 0.0
        if limit is None or (side == "champion" and by):
            raise BadInput(f"Gate {index + 1} names no limit that can be judged.", field=f"gates[{index}]",
                           value=dict(gate), allowed="at_least, at_most, or not_worse_than: champion without by")
        name = metric + (f":{by}" if by else "") + (":champion" if side == "champion" else "")
        taken = sum(1 for plan in plans if plan["id"].partition("#")[0] == name)
        plans.append({"id": f"{name}#{taken + 1}" if taken else name, "metric": metric, "by": by, "side": side,
                      "limit": float(limit), "judge": gate.get("judge") or ("interval" if by else "point")})
    return plans


def _check_gate(index: int, metric: str, by: str | None, protected: Sequence[str]) -> None:
    allowed = list(GROUP_COMPARISONS if by else HIGHER_IS_BETTER)
    if metric not in allowed:
        raise BadInput(f"No evaluation measures {metric}{' by group' if by else ''}.", field=f"gates[{index}].metric",
                       value=metric, allowed=allowed,
                       hint="Add by: with a protected attribute." if metric in GROUP_COMPARISONS else None)
    if by and by not in protected:
        raise BadInput(f"{by} is not a protected attribute of this service.", field=f"gates[{index}].by", value=by,
                       allowed=list(protected), hint="Name it under protected: in the manifest.")
