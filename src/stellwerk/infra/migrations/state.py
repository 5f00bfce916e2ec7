"""What schema a home has, found out with the standard library alone since every start asks."""

from __future__ import annotations

import re
import sqlite3
from enum import Enum
from pathlib import Path

_VERSIONS = Path(__file__).parent / "versions"


def _known() -> list[str]:
    return sorted(re.split(r"[_.]", file.name)[0] for file in _VERSIONS.glob("[0-9]*.py"))


HEAD = _known()[-1]


class SchemaState(Enum):
    """How the schema of a home relates to this release."""

    FRESH = "fresh"
    CURRENT = "current"
    OLDER = "older"
    NEWER = "newer"


def inspect_schema(database: Path) -> SchemaState:
    """Compare the stamped revision of a control database with the newest one known here."""
    if not database.exists():
        return SchemaState.FRESH
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return SchemaState.FRESH
    finally:
        connection.close()
    if row is None:
        return SchemaState.FRESH
    if row[0] == HEAD:
        return SchemaState.CURRENT
    return SchemaState.OLDER if row[0] in _known() else SchemaState.NEWER
