"""Evaluations: plans, metrics, fairness and verdicts of one model version on named data.

What computes needs numpy and is imported on first use, so that readers of evaluations do not pay for it.
"""

from typing import TYPE_CHECKING, Any

from stellwerk.features.evaluations.service import (
    accept_gate,
    acceptance_ids,
    accepted_gates,
    evaluations_by_id,
    get_evaluation,
    get_plan,
    record_evaluation,
    record_plan,
    verdicts_by_id,
)

if TYPE_CHECKING:
    from stellwerk.features.evaluations.evaluate import Champion, Columns
    from stellwerk.features.evaluations.evaluate import evaluate as measure
    from stellwerk.features.evaluations.intervals import delong
    from stellwerk.features.evaluations.metrics import roc_auc
    from stellwerk.features.evaluations.parity import parity as compare_compiled
    from stellwerk.features.evaluations.plan import (
        DecisionRule,
        all_rows,
        choose_split,
        fold_of_rows,
        make_plan,
        split_rows,
    )

_COMPUTING = {
    "Champion": ("evaluate", "Champion"),
    "Columns": ("evaluate", "Columns"),
    "measure": ("evaluate", "evaluate"),
    "delong": ("intervals", "delong"),
    "roc_auc": ("metrics", "roc_auc"),
    "compare_compiled": ("parity", "parity"),
    "DecisionRule": ("plan", "DecisionRule"),
    "all_rows": ("plan", "all_rows"),
    "choose_split": ("plan", "choose_split"),
    "fold_of_rows": ("plan", "fold_of_rows"),
    "make_plan": ("plan", "make_plan"),
    "split_rows": ("plan", "split_rows"),
}

__all__ = [
    "Champion",
    "Columns",
    "DecisionRule",
    "acceptance_ids",
    "accept_gate",
    "accepted_gates",
    "all_rows",
    "choose_split",
    "compare_compiled",
    "delong",
    "evaluations_by_id",
    "fold_of_rows",
    "get_evaluation",
    "get_plan",
    "make_plan",
    "measure",
    "record_evaluation",
    "record_plan",
    "roc_auc",
    "split_rows",
    "verdicts_by_id",
]


def __getattr__(name: str) -> Any:
    if name not in _COMPUTING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _COMPUTING[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)
