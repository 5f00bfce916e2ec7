"""Approvals: a person's signed yes or no on any digest."""

from stellwerk.features.approvals.service import Verdict, approval_view, approvals_of, sign

__all__ = ["Verdict", "approval_view", "approvals_of", "sign"]
