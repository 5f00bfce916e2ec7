"""Logged models: what a run or a person made, before any registration."""

from stellwerk.features.logged_models import importing
from stellwerk.features.logged_models.importing import relink
from stellwerk.features.logged_models.repository.content import ModelPoint, add_points, link, links_of, tags_of
from stellwerk.features.logged_models.repository.models import LoggedModel, by_ids
from stellwerk.features.logged_models.service import (
    TRACKED,
    artifact_root,
    create_model,
    finalize,
    get_model,
    link_models,
    log_points,
    set_tags,
)

__all__ = ["TRACKED", "LoggedModel", "ModelPoint", "add_points", "artifact_root", "by_ids", "create_model", "finalize",
           "get_model", "importing", "link", "link_models", "links_of", "log_points", "relink", "set_tags", "tags_of"]
