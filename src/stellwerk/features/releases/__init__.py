"""Releases: revisions, their states and the one table of transitions, routes, and the snapshot for the gateway."""

from stellwerk.features.releases.evidence import gate_sentence, role_words
from stellwerk.features.releases.standing import Standing, standings
from stellwerk.features.releases.views import service_detail, version_list

__all__ = ["Standing", "gate_sentence", "role_words", "service_detail", "standings", "version_list"]
