"""Taking over what other tracking servers hold, and telling by digests whether all of it has come."""

from stellwerk.features.transfer.service import TRACKED

__all__ = ["TRACKED"]
