"""Bring the control database of a home to the schema of this release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import MetaData, text

from stellwerk.infra.database import Database
from stellwerk.infra.migrations.state import HEAD, SchemaState, inspect_schema
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import Conflict

if TYPE_CHECKING:
    from alembic.config import Config


def alembic_config() -> Config:
    """Return Alembic's configuration for the migrations of this release."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def bring_up_to_date(database: Path, metadata: MetaData) -> None:
    """Create or migrate the schema in one transaction; does nothing where it is current.

    Raises Conflict for a home that a newer release wrote.
    """
    state = inspect_schema(database)
    if state is SchemaState.CURRENT:
        return
    if state is SchemaState.NEWER:
        raise newer_home(database.parent)
    opened = Database(database)
    try:
        if state is SchemaState.FRESH:
            with opened.write(SYSTEM) as work:
                metadata.create_all(work.connection)
                work.connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num VARCHAR(32) "
                                             "NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"))
                work.connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
            return
        from alembic import command

        config = alembic_config()
        with opened.write(SYSTEM) as work:
            config.attributes["connection"] = work.connection
            command.upgrade(config, "head")
    finally:
        opened.close()


def newer_home(home: Path) -> Conflict:
    """Return the error for a home whose schema this release does not know."""
    return Conflict(
        f"The home {home} was written by a newer release of Stellwerk; nothing was changed.",
        field="home", value=str(home), allowed=f"schema {HEAD} or older",
        hint="Start it with that newer release, or name another home with --home.",
    )
