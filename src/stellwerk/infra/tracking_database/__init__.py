"""The tracking database: plain SQL on SQLite or PostgreSQL, one writer that commits many requests at once."""

from stellwerk.infra.tracking_database.database import TrackingDatabase, open_tracking
from stellwerk.infra.tracking_database.schema import NAME, VALUE, metadata
from stellwerk.infra.tracking_database.statements import Statements

__all__ = ["NAME", "VALUE", "Statements", "TrackingDatabase", "metadata", "open_tracking"]
