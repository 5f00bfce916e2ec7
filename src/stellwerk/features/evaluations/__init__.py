"""Evaluations: plans, metrics, fairness and verdicts of one model version on named data.

What computes needs numpy and is imported on first use, so that readers of evaluations do not pay for it.
"""

from typing import TYPE_CHECKING, Any

from stellwerk.features.evaluations.service import (
    accept_gate,
    accepted_gates,
    evaluations_by_id,
    get_evaluation,
    get_plan,
    record_evaluation,
    record_plan,
    verdicts_by_id,
)

if TYPE_CHECKING:
    from stellwerk.features.evaluations.evaluate import Champion, Columns, evaluate
    from stellwerk.features.evaluations.parity import parity
    from stellwerk.features.evaluations.plan import DecisionRule, choose_split, fold_of_rows, make_plan, split_rows

_COMPUTING = {"Champion": "evaluate", "Columns": "evaluate", "evaluate": "evaluate", "parity": "parity",
              "DecisionRule": "plan", "choose_split": "plan", "fold_of_rows": "plan", "make_plan": "plan",
              "split_rows": "plan"}

__all__ = ["Champion", "Columns", "DecisionRule", "accept_gate", "accepted_gates", "choose_split", "evaluate",
           "evaluations_by_id", "fold_of_rows", "get_evaluation", "get_plan", "make_plan", "parity",
           "record_evaluation", "record_plan", "split_rows", "verdicts_by_id"]


def __getattr__(name: str) -> Any:
    if name not in _COMPUTING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_COMPUTING[name]}"), name)
    # Importing a module of the same name has put the module here; the function is what is meant.
    globals()[name] = value
    return value
