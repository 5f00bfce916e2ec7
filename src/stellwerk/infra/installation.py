"""What a process of this installation works with: its home, settings, databases and objects."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from stellwerk.infra.database import Database
from stellwerk.infra.objects import ObjectStore
from stellwerk.infra.settings import Home, Settings, load_settings
from stellwerk.infra.tracking_database import TrackingDatabase, open_tracking


@dataclass(frozen=True)
class Installation:
    """One installation as seen from one process."""

    home: Home
    settings: Settings

    @cached_property
    def database(self) -> Database:
        """The control database."""
        return Database(self.home.control)

    @cached_property
    def tracking(self) -> TrackingDatabase:
        """The tracking database."""
        return open_tracking(self.settings.tracking_address, self.home.tracking)

    @cached_property
    def objects(self) -> ObjectStore:
        """The content-addressed store."""
        return ObjectStore(self.home.objects)


def open_installation(path: Path) -> Installation:
    """Open the installation in a home folder that has been prepared."""
    home = Home(path)
    return Installation(home=home, settings=load_settings(home))
