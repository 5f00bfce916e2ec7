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
    _prepare_tracking(home)
    if state is SchemaState.FRESH:
        _ownerless(home).touch()
    return state is SchemaState.FRESH


def _prepare_tracking(home: Home) -> None:
    from stellwerk.infra.settings import load_settings
    from stellwerk.infra.tracking_database.prepare import prepare_tracking, stamped

    address = load_settings(home).tracking_address
    if address is None and stamped(home.tracking):
        return
    from stellwerk.apps.tracking_schema import first_rows, metadata

    prepare_tracking(address, home.tracking, metadata, first_rows)


def _ownerless(home: Home) -> Path:
    return home.run / "ownerless"


def first_admin_link(path: Path) -> str | None:
    """On a home that nobody owns yet, make the admin and return the path of a one-time link; else None."""
    home = Home(path)
    # A file says so, since a start on any other home must not pay for opening the database here.
    if not _ownerless(home).exists():
        return None
    from stellwerk.features.identity import LINK_PATH, create_first_admin
    from stellwerk.infra.database import Database
    from stellwerk.kernel.actor import SYSTEM

    with Database(home.control).write(SYSTEM) as work:
        secret = create_first_admin(work)
    _ownerless(home).unlink()
    return None if secret is None else LINK_PATH + secret.reveal()


def main() -> int:
    """Prepare the home named on the command line; prints one JSON line."""
    path = Path(sys.argv[1])
    try:
        fresh = prepare_home(path)
        link = first_admin_link(path)
    except StellwerkError as error:
        print(json.dumps(error.body()))
        return 1
    print(json.dumps({"fresh": fresh, "link": link}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
