"""Releases: revisions, their states and the one table of transitions, routes, and the snapshot for the gateway."""

from typing import TYPE_CHECKING, Any

from stellwerk.features.releases.evidence import STATE_LAMPS, gate_rows, gate_sentence, role_words
from stellwerk.features.releases.provenance import records_behind
from stellwerk.features.releases.service import get_revision
from stellwerk.features.releases.standing import Standing, standings
from stellwerk.features.releases.views import revision_evidence, service_detail, version_list

if TYPE_CHECKING:
    from stellwerk.features.releases.way.plan import positive_label, subjects_of

# What reads tables is imported on first use, so that the server does not pay for it.
_PLANNING = ("positive_label", "subjects_of")

__all__ = [
    "STATE_LAMPS",
    "Standing",
    "gate_rows",
    "gate_sentence",
    "get_revision",
    "positive_label",
    "records_behind",
    "revision_evidence",
    "role_words",
    "service_detail",
    "standings",
    "subjects_of",
    "version_list",
]


def __getattr__(name: str) -> Any:
    if name not in _PLANNING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stellwerk.features.releases.way import plan

    return getattr(plan, name)
