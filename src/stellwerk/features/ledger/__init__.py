"""The ledger: an append-only, provable record of everything that matters."""

from stellwerk.features.ledger.packs import DecisionPart, build_pack
from stellwerk.features.ledger.proofs import anchor_of
from stellwerk.features.ledger.sealing import Head, LeafSource, get_head, seal_once
from stellwerk.features.ledger.service import CONTROL, record
from stellwerk.features.ledger.sources import decision_sources
from stellwerk.features.ledger.tracked import TRACKING, Standing, StateOf, record_tracked, standing_of
from stellwerk.features.ledger.tracked_check import SUBJECTS, TrackedSubject, tracking_source, verify_tracking
from stellwerk.features.ledger.tracking_repository import actors_of
from stellwerk.features.ledger.verification import verify_installation

__all__ = [
    "CONTROL",
    "DecisionPart",
    "Head",
    "LeafSource",
    "SUBJECTS",
    "Standing",
    "StateOf",
    "TRACKING",
    "TrackedSubject",
    "actors_of",
    "anchor_of",
    "build_pack",
    "decision_sources",
    "get_head",
    "record",
    "record_tracked",
    "seal_once",
    "standing_of",
    "tracking_source",
    "verify_installation",
    "verify_tracking",
]
