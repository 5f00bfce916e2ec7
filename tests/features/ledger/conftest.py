"""A control database with two covered tables of its own beside the ledger's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, MetaData, String, Table, insert

from stellwerk.features import ledger
from stellwerk.features.ledger import tables as ledger_tables
from stellwerk.infra.crypto import SigningKey
from stellwerk.infra.database import Database, Json, Work, covered, uncovered
from stellwerk.kernel.actor import Actor

METADATA = MetaData()
THING = Table(
    "thing", METADATA,
    Column("id", String(36), primary_key=True), Column("name", String(40)), Column("weight", Float),
    Column("parts", Json), Column("good", Boolean), Column("seal", LargeBinary), Column("progress", Integer),
    info=covered("thing", volatile=("progress",)),
)
OTHER = Table("other", METADATA, Column("id", String(36), primary_key=True), Column("note", String(40)),
              info=covered("other"))
LOOSE = Table("loose", METADATA, Column("id", String(36), primary_key=True), info=uncovered("a test"))

ANNA = Actor(kind="token", id="t-1", name="Anna Archer", person_id="p-1")
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))


def add_thing(work: Work, thing_id: str, **values: object) -> str:
    columns = {"name": "bolt", "weight": 1.5, "parts": {"b": [1, 2.25], "a": "ü"}, "good": True, "seal": b"\x00\xff",
               "progress": 0, **values}
    work.connection.execute(insert(THING).values(id=thing_id, **columns))
    return ledger.record(work, "thing.made", THING, thing_id, {"why": "test"})


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "control.sqlite")
    with opened.write(ANNA) as work:
        METADATA.create_all(work.connection)
        for table in (ledger_tables.ledger_event, ledger_tables.ledger_tile, ledger_tables.ledger_head,
                      ledger_tables.ledger_lease):
            table.create(work.connection)
    yield opened
    opened.close()
