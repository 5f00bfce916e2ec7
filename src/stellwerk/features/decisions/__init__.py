"""Decisions: reading them, explaining them, proving them."""

from stellwerk.features.decisions.service import newest_by_service

__all__ = ["newest_by_service"]
