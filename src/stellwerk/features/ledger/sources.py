"""Logs that are kept outside of the database: the decisions of each gateway process."""

from __future__ import annotations

import time

from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.features.ledger.sealing import LeafSource
from stellwerk.infra.installation import Installation

# A buffered record is on disk within 50 ms; a second is far beyond that.
_SETTLED_US = 1_000_000


def decision_sources(installation: Installation, *, settled: bool = False) -> dict[str, LeafSource]:
    """Return the leaves of each decision log by its name; ``settled`` leaves out those that may not be on disk yet."""
    reader = Reader(installation.home.decisions)

    def source(slot: int) -> LeafSource:
        def leaves(start: int, at_most: int) -> list[bytes]:
            until_us = time.time_ns() // 1000 - _SETTLED_US if settled else None
            return reader.leaves(slot, start, at_most, until_us=until_us)

        return leaves

    return {f"decisions-{slot}": source(slot) for slot in reader.slots()}
