"""The ledger: an append-only, provable record of everything that matters."""

from stellwerk.features.ledger.sealing import Head, LeafSource, get_head, seal_once
from stellwerk.features.ledger.service import CONTROL, record

__all__ = ["CONTROL", "Head", "LeafSource", "get_head", "record", "seal_once"]
