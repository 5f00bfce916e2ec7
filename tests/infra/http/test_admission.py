import base64
import contextlib
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from stellwerk.infra.http.admission import strict_json
from stellwerk.kernel.errors import BadInput


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


def test_public_routes_ask_nobody(client: TestClient) -> None:
    assert client.get("/api/v1/open").json() == "open"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer unknown"}, {"Authorization": "Bearer"},
                                    {"Authorization": "Digest lender"}, {"Authorization": "Basic !"},
                                    {"Authorization": "Basic " + base64.b64encode(b"lender").decode()},
                                    {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()},
                                    {"Cookie": "stellwerk_session=lender"}])
def test_the_api_takes_tokens_and_never_the_cookie(client: TestClient, header: dict[str, str]) -> None:
    answer = client.get("/api/v1/things", headers=header)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["error_code"] == "unauthenticated"
    assert answer.json()["hint"]


def test_basic_carries_the_token_as_password(client: TestClient) -> None:
    header = {"Authorization": "Basic " + base64.b64encode(b"anyone:lender").decode()}
    assert client.get("/api/v1/things/bolt", headers=header).json() == {"name": "bolt", "for": "lender"}


@pytest.mark.parametrize(("caller", "status"), [("lender", 200), ("reader", 200), ("chief", 200), ("other", 404),
                                                ("nobody", 403)])
def test_things_are_read_within_ones_teams(client: TestClient, caller: str, status: int) -> None:
    assert client.get("/api/v1/things/bolt", headers=bearer(caller)).status_code == status


def test_a_foreign_thing_looks_like_a_missing_one(client: TestClient) -> None:
    foreign = client.get("/api/v1/things/bolt", headers=bearer("other")).json()
    missing = client.get("/api/v1/things/gone", headers=bearer("other")).json()
    assert json.dumps(foreign).replace("bolt", "gone") == json.dumps(missing)


def test_reading_does_not_permit_writing(client: TestClient) -> None:
    answer = client.post("/api/v1/things/bolt", json={"name": "nut"}, headers=bearer("reader"))
    assert answer.status_code == 403
    assert answer.json()["value"] == "things.write"
    assert client.get("/api/v1/things", headers=bearer("reader")).json() == ["bolt"]


def test_the_whole_installation_is_more_than_a_team(client: TestClient) -> None:
    assert client.get("/api/v1/whole", headers=bearer("lender")).status_code == 403
    assert client.get("/api/v1/whole", headers=bearer("chief")).status_code == 200


def test_permission_comes_before_the_body(client: TestClient) -> None:
    assert client.post("/api/v1/things/bolt", content=b"{", headers=bearer("reader")).status_code == 403
    assert client.post("/api/v1/things/bolt", content=b"{").status_code == 401


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx",
                                  "text/plain; application/json"])
def test_json_routes_take_json_only(client: TestClient, kind: str) -> None:
    answer = client.post("/api/v1/things/bolt", content=b'{"name": "nut"}',
                         headers={**bearer("lender"), "Content-Type": kind})
    assert answer.status_code == 415
    assert answer.json()["allowed"] == "application/json"


def test_a_body_too_long_by_its_header_is_refused_unread(client: TestClient) -> None:
    answer = client.post("/api/v1/things/bolt", json={"name": "n" * 2000}, headers=bearer("lender"))
    assert answer.status_code == 413
    assert answer.json()["error_code"] == "too_large"
    strange = {**bearer("lender"), "Content-Length": "-1"}
    assert client.post("/api/v1/things/bolt", content=b"{}", headers=strange).status_code == 413


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x" * 1000


def test_a_body_too_long_while_reading_is_refused(client: TestClient) -> None:
    header = {**bearer("lender"), "Content-Type": "application/json"}
    assert client.post("/api/v1/things/bolt", content=chunks(3), headers=header).status_code == 413
    assert client.put("/api/v1/upload", content=chunks(6), headers=bearer("lender")).status_code == 413
    assert client.put("/api/v1/upload", content=chunks(5), headers=bearer("lender")).json() == 5000


def test_pages_take_the_cookie_and_never_a_token(client: TestClient) -> None:
    assert client.get("/page", headers={"Cookie": "stellwerk_session=lender"}).status_code == 200
    assert client.get("/page", headers=bearer("lender")).status_code == 401
    sent = client.get("/page?a=1&b=2", headers={"Accept": "text/html"})
    assert sent.status_code == 303
    assert sent.headers["Location"] == "/sign-in?next=/page%3Fa%3D1%26b%3D2"


@pytest.mark.parametrize("form", [{"word": "x"}, {"word": "x", "csrf_token": ""}, {"word": "x", "csrf_token": "other"},
                                  {"word": "x", "csrf_token": "ü"}])
def test_a_form_needs_the_token_of_its_session(client: TestClient, form: dict[str, str]) -> None:
    cookie = {"Cookie": "stellwerk_session=lender"}
    assert client.post("/page", data=form, headers=cookie).status_code == 403
    good = client.post("/page", data={"word": "x", "csrf_token": "form-token"}, headers=cookie)
    assert good.json() == "x"


def test_a_form_is_a_form(client: TestClient) -> None:
    answer = client.post("/page", json={"word": "x", "csrf_token": "form-token"},
                         headers={"Cookie": "stellwerk_session=lender"})
    assert answer.status_code == 415


def test_a_plain_cookie_counts_for_nothing_under_tls(client: TestClient) -> None:
    tls = TestClient(client.app, base_url="https://localhost", raise_server_exceptions=False)
    assert tls.get("/page", headers={"Cookie": "stellwerk_session=lender"}).status_code == 401
    assert tls.get("/page", headers={"Cookie": "__Host-stellwerk_session=lender"}).status_code == 200


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 2}', b'{"a": NaN}', b"[Infinity]", b"\xff", b"{", b"'x'", b"[" * 65,
                                  b'{"a": ' + b"9" * 5000 + b"}", "{}".encode("utf-16")])
def test_json_is_read_strictly(body: bytes) -> None:
    with pytest.raises(BadInput):
        strict_json(body)


def test_brackets_within_text_are_no_depth() -> None:
    text = "[{" * 500 + '\\"'
    assert strict_json(json.dumps([text] * 2).encode()) == [text] * 2
    assert strict_json(b"[" * 64 + b"]" * 64) is not None


@given(st.recursive(st.none() | st.booleans() | st.integers(-2**53, 2**53) | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)))
def test_what_json_writes_is_read_back(value: object) -> None:
    assert strict_json(json.dumps(value).encode("utf-8")) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_json_or_a_refusal(body: bytes) -> None:
    with contextlib.suppress(BadInput):
        assert strict_json(body) == json.loads(body)
