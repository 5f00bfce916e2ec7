"""Releases: revisions, their states and the one table of transitions, routes, and the snapshot for the gateway."""

from stellwerk.features.releases.evidence import gate_rows, gate_sentence, role_words
from stellwerk.features.releases.provenance import records_behind
from stellwerk.features.releases.service import get_revision
from stellwerk.features.releases.standing import Standing, standings
from stellwerk.features.releases.views import revision_evidence, service_detail, version_list

__all__ = ["Standing", "gate_rows", "gate_sentence", "get_revision", "records_behind", "revision_evidence",
           "role_words", "service_detail", "standings", "version_list"]
