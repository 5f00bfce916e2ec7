"""Verifying the log ``tracking``: each event against its leaf, each subject against its last event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stellwerk.features.ledger import tracking_repository as repository
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.ledger.sealing import LeafSource
from stellwerk.features.ledger.state import commitment, event_leaf
from stellwerk.features.ledger.tracked import TRACKING, StateOf
from stellwerk.infra.tracking_database import Statements, TrackingDatabase

_BATCH = 500
_LONG_SECONDS = 3600.0


@dataclass(frozen=True)
class TrackedSubject:
    """How subjects of one type are read again: their state, all their ids in order, and whether one has changes
    that wait for their event."""

    state_of: StateOf
    ids_after: Callable[[Statements, str, int], list[str]]
    pending: Callable[[Statements, str], bool] = lambda _st, _id: False


# Filled by the composition root, since the ledger knows no slice that uses it.
SUBJECTS: dict[str, TrackedSubject] = {}


def tracking_source(tracking: TrackingDatabase) -> dict[str, LeafSource]:
    """Return the leaves of the log ``tracking`` by its name."""
    return {TRACKING: lambda start, at_most: tracking.read(lambda st: repository.leaves(st, start, at_most))}


def verify_tracking(tracking: TrackingDatabase, found: Verification,
                    subjects: Mapping[str, TrackedSubject] = SUBJECTS) -> None:
    """Recompute all events and subjects of tracking and note what differs."""
    with tracking.reading(_LONG_SECONDS) as st:
        _events(st, found)
        for kind, subject in subjects.items():
            _subjects(st, kind, subject, found)


def _events(st: Statements, found: Verification) -> None:
    after = -1
    while batch := repository.events_after(st, after, _BATCH):
        for event in batch:
            if event["position"] != after + 1:
                found.finding("event missing", "tracking_event", None, f"at position {after + 1} of the log tracking")
            after = event["position"]
            try:
                same = event_leaf(event) == event["leaf"]
            except (ValueError, TypeError, OverflowError):
                same = False
            if not same:
                found.finding("event changed", "tracking_event", str(event["id"]),
                              f"the event at position {after} is not what its leaf says")


def _subjects(st: Statements, kind: str, subject: TrackedSubject, found: Verification) -> None:
    after, found.rows[kind] = "", 0
    while batch := repository.last_events(st, kind, after, _BATCH):
        for event in batch:
            after = event["subject_id"]
            if subject.pending(st, after):
                found.waiting += 1
                continue
            state = subject.state_of(st, after)
            kept = event["state_digest"]
            if state is None and kept is not None:
                found.finding("row missing", kind, after, f"its last event ({event['verb']}) says that it exists")
            elif state is not None and (kept is None or commitment(event["state_nonce"], state) != kept):
                found.finding("row changed", kind, after, f"it is not what its last event ({event['verb']}) says")
    after = ""
    while ids := subject.ids_after(st, after, _BATCH):
        after = ids[-1]
        found.rows[kind] += len(ids)
        known = repository.with_events(st, kind, ids)
        for one in ids:
            if one in known:
                continue
            if subject.pending(st, one):
                found.waiting += 1
            else:
                found.finding("row without event", kind, one, "it is there, but no event speaks of it")
