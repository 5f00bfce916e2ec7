"""The control database: one SQLite file, explicit transactions, one writer at a time."""

from stellwerk.infra.database.database import Database, Work
from stellwerk.infra.database.old_sqlite import teach_fractions_of_seconds
from stellwerk.infra.database.schema import Json, covered, metadata, uncovered
from stellwerk.infra.database.watch import ChangeWatch, use_wal

__all__ = ["ChangeWatch", "Database", "Json", "Work", "covered", "metadata", "teach_fractions_of_seconds",
           "uncovered", "use_wal"]
