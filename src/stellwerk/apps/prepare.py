"""Prepare a home: folders, database schema. ``python -m stellwerk.apps.prepare HOME``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from stellwerk.infra.migrations import SchemaState, inspect_schema
from stellwerk.infra.settings import Home
from stellwerk.kernel.errors import StellwerkError


def prepare_home(path: Path) -> bool:
    """Make the folders and bring the database to this release; returns whether the home is new.

    Raises Conflict for a home that a newer release wrote.
    """
    home = Home(path)
    home.make()
    state = inspect_schema(home.control)
    if state is not SchemaState.CURRENT:
        # Imported only here: a start on a current home must not pay for the schema of every slice.
        from stellwerk.apps.schema import metadata
        from stellwerk.infra.migrations.migrate import bring_up_to_date

        bring_up_to_date(home.control, metadata)
    return state is SchemaState.FRESH


def main() -> int:
    """Prepare the home named on the command line; prints one JSON line."""
    try:
        fresh = prepare_home(Path(sys.argv[1]))
    except StellwerkError as error:
        print(json.dumps(error.body()))
        return 1
    print(json.dumps({"fresh": fresh}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
