"""Each artifact stands on the ledger: what is put, replaced and removed, and whoever changes a row is found out."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stellwerk.features.ledger import SUBJECTS, verify_tracking
from stellwerk.features.ledger.findings import Verification
from stellwerk.infra.settings import Home
from tests.features.artifacts.conftest import PLACES, Site, new_site, run_id


@pytest.fixture
def filled(tmp_path: Path) -> tuple[Site, str]:
    site = new_site(Home(tmp_path / "home"))
    calls, root = site.caller(), site.run()
    for name, content in (("a", b"first"), ("a", b"second"), ("a", b"second"), ("gone/b", b"x"), ("model/MLmodel", b"y")):
        calls.put(f"{root}/{name}", content)
    calls.send("DELETE", f"{PLACES}/{root}/gone")
    return site, run_id(root)


def _findings(site: Site) -> list[tuple[str, str | None]]:
    found = Verification()
    verify_tracking(site.installation.tracking, found, {"artifact": SUBJECTS["artifact"]})
    assert found.rows["artifact"] == 2 or found.findings
    return [(one["what"], one["row"]) for one in found.findings]


def _verbs(site: Site) -> list[str]:
    with sqlite3.connect(site.installation.home.tracking) as reader:
        return [row[0] for row in reader.execute("SELECT verb FROM tracking_event WHERE subject_type = 'artifact' "
                                                 "ORDER BY position")]


def test_what_happened_stands_there_and_verifies(filled: tuple[Site, str]) -> None:
    site, _ = filled
    assert _verbs(site) == ["artifact.logged", "artifact.replaced", "artifact.logged", "artifact.logged", "artifact.deleted"]
    assert _findings(site) == []


@pytest.mark.parametrize(("forgery", "what", "row"), [
    ("UPDATE artifact SET sha256 = replace(sha256, substr(sha256, 1, 8), '00000000') WHERE path = 'a'", "row changed", "a"),
    ("DELETE FROM artifact WHERE path = 'a'", "row missing", "a"),
    ("INSERT INTO artifact SELECT owner_id, 'new', sha256, size, created_at FROM artifact WHERE path = 'a'", "row without event", "new"),
    ("INSERT INTO artifact SELECT owner_id, 'gone/b', sha256, size, created_at FROM artifact WHERE path = 'a'", "row changed", "gone/b")])
def test_a_forged_row_is_named(filled: tuple[Site, str], forgery: str, what: str, row: str) -> None:
    site, owner = filled
    with sqlite3.connect(site.installation.home.tracking) as forger:
        forger.execute(forgery)
    assert _findings(site) == [(what, f"{owner}/{row}")]
