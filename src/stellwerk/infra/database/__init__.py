"""The control database: one SQLite file, explicit transactions, one writer at a time."""

from stellwerk.infra.database.database import Database, Work
from stellwerk.infra.database.schema import Json, covered, metadata, uncovered
from stellwerk.infra.database.watch import ChangeWatch, use_wal

__all__ = ["ChangeWatch", "Database", "Json", "Work", "covered", "metadata", "uncovered", "use_wal"]
