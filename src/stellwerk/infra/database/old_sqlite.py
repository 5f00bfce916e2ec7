"""What an SQLite before 3.42 lacks and a library on top of it takes for granted."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine


def teach_fractions_of_seconds() -> None:
    """Give every later connection of this process ``unixepoch('subsec')``, which SQLite itself has from 3.42 on.

    The durable engine decides by the version of Python, not of SQLite, whether it can use that function.
    """
    if sqlite3.sqlite_version_info >= (3, 42) or event.contains(Engine, "connect", _teach):
        return
    event.listen(Engine, "connect", _teach)


def _teach(connection: Any, _record: Any) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.create_function("unixepoch", 1, lambda _modifier: time.time())
