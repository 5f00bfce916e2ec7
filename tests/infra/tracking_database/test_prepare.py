"""Making the schema: once, by whoever is first, and never over that of a newer release."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.engine import Connection

from stellwerk.infra.tracking_database import open_tracking
from stellwerk.infra.tracking_database import prepare as preparing
from stellwerk.infra.tracking_database.prepare import prepare_tracking, stamped
from stellwerk.kernel.errors import Conflict, Unavailable
from stellwerk.kernel.secret import Secret

SCHEMA = MetaData()
thing = Table("thing", SCHEMA, Column("id", Integer, primary_key=True))


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> Secret | None:
    return Secret(request.getfixturevalue("postgres").new_database()) if request.param == "postgres" else None


def first(connection: Connection) -> None:
    connection.execute(thing.insert().values(id=7))


def test_tables_and_first_rows_are_made_once(address: Secret | None, tmp_path: Path) -> None:
    file = tmp_path / "t.sqlite"
    for _ in range(2):
        prepare_tracking(address, file, SCHEMA, first)
    database = open_tracking(address, file)
    assert database.read(lambda st: [tuple(row) for row in st.fetch_all("SELECT id FROM thing")]) == [(7,)]
    database.close()
    assert stamped(file) == (address is None)


def test_two_that_prepare_at_once(address: Secret | None, tmp_path: Path) -> None:
    file, errors = tmp_path / "t.sqlite", []

    def work() -> None:
        try:
            prepare_tracking(address, file, SCHEMA, first)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    database = open_tracking(address, file)
    assert database.read(lambda st: st.fetch_value("SELECT count(*) FROM thing")) == 1
    database.close()


def test_a_newer_database_is_left_alone(address: Secret | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "t.sqlite"
    monkeypatch.setattr(preparing, "SCHEMA", preparing.SCHEMA + 1)
    prepare_tracking(address, file, SCHEMA, first)
    monkeypatch.undo()
    with pytest.raises(Conflict, match="newer release"):
        prepare_tracking(address, file, SCHEMA, first)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    address = Secret(f"postgresql://somebody:secret@/x?host={tmp_path}")
    with pytest.raises(Unavailable, match="cannot be reached") as found:
        prepare_tracking(address, tmp_path / "t", SCHEMA, first)
    assert "secret" not in str(found.value.body())
    database = open_tracking(address, tmp_path / "t")
    for call in (lambda: database.write(lambda st: None), lambda: database.read(lambda st: None)):
        with pytest.raises(Unavailable, match="cannot be reached"):
            call()
    database.close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "t.sqlite").write_bytes(b"this is text, and long enough to be taken for a header" * 30)
    assert not stamped(tmp_path / "t.sqlite")
