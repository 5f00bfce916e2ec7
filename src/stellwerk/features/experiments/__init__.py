"""Experiments: named collections of runs."""

from stellwerk.features.experiments import importing
from stellwerk.features.experiments.listing import list_experiments, tags_of
from stellwerk.features.experiments.repository import Experiment
from stellwerk.features.experiments.service import (
    READ,
    TEAM_TAG,
    TRACKED,
    WRITE,
    active_experiment,
    artifact_root,
    create_experiment,
    find_by_name,
    get_experiment,
    may,
    now_ms,
    parse_id,
    require,
    set_lifecycle,
    team_of_new,
    visible,
)

__all__ = ["READ", "TEAM_TAG", "TRACKED", "WRITE", "Experiment", "active_experiment", "artifact_root",
           "create_experiment", "find_by_name", "get_experiment", "importing", "list_experiments", "may", "now_ms",
           "parse_id", "require", "set_lifecycle", "tags_of", "team_of_new", "visible"]
