"""Logged models: what a run or a person made, before any registration."""

from stellwerk.features.logged_models.repository import ModelPoint, add_points, link, links_of

__all__ = ["ModelPoint", "add_points", "link", "links_of"]
