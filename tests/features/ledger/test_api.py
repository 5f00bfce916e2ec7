"""The ledger over HTTP: head, pages of events, verification, and who may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from stellwerk.apps import server
from stellwerk.apps.prepare import prepare_home
from stellwerk.features import identity, ledger
from stellwerk.infra.crypto import PublicKey, load_key, verify_note
from stellwerk.infra.database import Database
from stellwerk.infra.settings import Home, Settings
from stellwerk.kernel.actor import SYSTEM

Call = Callable[..., httpx.Response]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    prepare_home(tmp_path)
    return Home(tmp_path)


@pytest.fixture
def control(home: Home) -> Iterator[Database]:
    opened = Database(home.control)
    with opened.write(SYSTEM) as work:
        identity.add_person(work, "vera", "Vera Vogt")
        for team in ("lending", "claims", "fleet"):
            identity.grant(work, "vera", "validator", team)
    yield opened
    opened.close()


def seal(home: Home, database: Database) -> None:
    while ledger.seal_once(database, load_key(home.keys_dir)):
        pass


@pytest.fixture
def caller(home: Home, control: Database) -> Callable[[str, str | None], Call]:
    client = TestClient(server.create_app(home, Settings()), base_url="http://localhost", follow_redirects=False)

    def of(role: str, team: str | None = None) -> Call:
        with control.write(SYSTEM) as work:
            secret = identity.create_token(work, f"a-{role}", role, team=team).secret.reveal()
        headers = {"Authorization": f"Bearer {secret}"}
        return lambda method, path, **more: client.request(method, f"/api/v1/ledger{path}", headers=headers, **more)

    return of


def test_the_head_is_signed_with_the_key_beside_it(home: Home, control: Database,
                                                   caller: Callable[[str, str | None], Call]) -> None:
    call = caller("auditor", None)
    assert call("GET", "/head").status_code == 404
    seal(home, control)
    body = call("GET", "/head").json()
    signed = verify_note(body["checkpoint"], PublicKey(bytes.fromhex(body["public_key"])))
    assert (signed.log, signed.size, signed.root.hex()) == (body["log"], body["size"], body["root"])


def test_events_come_in_pages_newest_first(home: Home, control: Database,
                                           caller: Callable[[str, str | None], Call]) -> None:
    call = caller("auditor", None)
    whole = call("GET", "/events").json()
    assert whole["next"] is None
    numbers = [event["number"] for event in whole["events"]]
    assert numbers == sorted(numbers, reverse=True)
    pages: list[Any] = []
    before: dict[str, Any] = {}
    while True:
        page = call("GET", "/events", params={"limit": 2, **before}).json()
        pages += page["events"]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert pages == whole["events"]
    granted = call("GET", "/events", params={"verb": whole["events"][-1]["verb"]}).json()["events"]
    assert {event["verb"] for event in granted} == {whole["events"][-1]["verb"]}
    subject = whole["events"][0]["subject"]["id"]
    assert {event["subject"]["id"] for event in
            call("GET", "/events", params={"subject": subject}).json()["events"]} == {subject}
    assert call("GET", "/events", params={"limit": 501}).status_code == 422


def test_events_of_all_teams_are_for_the_installation_only(caller: Callable[[str, str | None], Call]) -> None:
    call = caller("builder", "lending")
    assert call("GET", "/events").status_code == 403
    assert call("POST", "/verify", json={}).status_code == 200


def test_verification_names_what_differs(home: Home, control: Database,
                                         caller: Callable[[str, str | None], Call]) -> None:
    call = caller("auditor", None)
    seal(home, control)
    old = call("GET", "/head").json()["checkpoint"]
    found = call("POST", "/verify", json={"head": old}).json()
    assert found["findings"] == []
    assert found["holds"]
    assert "kept elsewhere" in found["consistent_with"]
    with control.write(SYSTEM) as work:
        person = work.connection.execute(text("SELECT id FROM person")).scalar_one()
        work.connection.execute(text("UPDATE person SET name = name || 'x'"))
    found = call("POST", "/verify", json={}).json()
    assert [(entry["what"], entry["table"], entry["row"]) for entry in found["findings"]] == [
        ("row changed", "person", person)]
    assert not found["proves"]
    answer = call("POST", "/verify", json={"head": "nothing"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid_parameter")
