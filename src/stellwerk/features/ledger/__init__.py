"""The ledger: an append-only, provable record of everything that matters."""

from stellwerk.features.ledger.packs import DecisionPart, build_pack
from stellwerk.features.ledger.proofs import anchor_of
from stellwerk.features.ledger.sealing import Head, LeafSource, get_head, seal_once
from stellwerk.features.ledger.service import CONTROL, record

__all__ = ["CONTROL", "DecisionPart", "Head", "LeafSource", "anchor_of", "build_pack", "get_head", "record", "seal_once"]
