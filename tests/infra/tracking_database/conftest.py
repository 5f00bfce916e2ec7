"""A tracking database of either kind with one small table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stellwerk.infra.tracking_database import TrackingDatabase, open_tracking
from stellwerk.kernel.secret import Secret

Open = Callable[[], TrackingDatabase]
TABLE = "CREATE TABLE IF NOT EXISTS thing (name VARCHAR(40) PRIMARY KEY, size BIGINT NOT NULL)"


@pytest.fixture(params=["sqlite", "postgres"])
def open_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens the same database again and again, as several processes would."""
    postgres = request.getfixturevalue("postgres") if request.param == "postgres" else None
    address = Secret(postgres.new_database()) if postgres else None
    opened: list[TrackingDatabase] = []

    def open_it() -> TrackingDatabase:
        database = open_tracking(address, tmp_path / "tracking.sqlite")
        opened.append(database)
        return database

    first = open_it()
    first.write(lambda st: st.modify(TABLE))
    yield open_it
    for database in opened:
        database.close()


@pytest.fixture
def database(open_database: Open) -> TrackingDatabase:
    return open_database()
