"""Evaluations: plans, metrics, fairness and verdicts of one model version on named data."""

from stellwerk.features.evaluations.service import (
    accept_gate,
    accepted_gates,
    evaluations_by_id,
    get_evaluation,
    get_plan,
    record_evaluation,
    record_plan,
)

__all__ = ["accept_gate", "accepted_gates", "evaluations_by_id", "get_evaluation", "get_plan", "record_evaluation", "record_plan"]
