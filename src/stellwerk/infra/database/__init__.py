"""The control database: one SQLite file, explicit transactions, one writer at a time."""

from stellwerk.infra.database.database import Database, Work
from stellwerk.infra.database.schema import Json, covered, metadata, uncovered

__all__ = ["Database", "Json", "Work", "covered", "metadata", "uncovered"]
