"""Logs that are kept outside of the database: the decisions of each gateway process."""

from __future__ import annotations

from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.features.ledger.sealing import LeafSource
from stellwerk.infra.installation import Installation


def decision_sources(installation: Installation) -> dict[str, LeafSource]:
    """Return the leaves of each decision log by its name."""
    reader = Reader(installation.home.decisions)

    def source(slot: int) -> LeafSource:
        return lambda start, at_most: reader.leaves(slot, start, at_most)

    return {f"decisions-{slot}": source(slot) for slot in reader.slots()}
