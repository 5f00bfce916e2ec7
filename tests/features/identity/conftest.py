"""A control database that knows the ledger and identity, and two people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stellwerk.features import identity
from stellwerk.features.identity import sessions, tables
from stellwerk.features.identity.attempts import Attempts
from stellwerk.features.ledger import tables as ledger_tables
from stellwerk.infra.database import Database, metadata
from stellwerk.kernel.actor import SYSTEM


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    opened = Database(tmp_path / "control.sqlite")
    assert tables
    assert ledger_tables
    metadata.create_all(opened.engine)
    monkeypatch.setattr(sessions, "_attempts", Attempts())
    with opened.write(SYSTEM) as work:
        identity.add_person(work, "vera", "Vera Vogt")
        identity.grant(work, "vera", "validator", "lending")
        identity.add_person(work, "ada")
        identity.grant(work, "ada", "admin")
    yield opened
    opened.close()
