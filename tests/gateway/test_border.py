"""Who may ask, by what name, with what: every request gets an answer in words, none shows insides."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stellwerk.dataplane.request_check import BODY_BYTES
from stellwerk.kernel.route import rule_of
from tests.gateway.live import BODY, PATH, Live, revision, token

EXPECTED_RULES = {
    "POST /v1/services/{name}/decisions": ("decide", "service:name"),
    "GET /v1/services/{name}/openapi.json": ("decide", "service:name"),
    "GET /healthz": None, "GET /readyz": None, "GET /metrics": ("metrics.read", "any")}


def words(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert body["error_code"]
    assert body["message"].strip()
    return dict(body)


def test_every_route_has_the_rule_that_is_meant(shared: Live) -> None:
    found = {}
    for entry in shared.app.table:
        rule = rule_of(entry.handler)
        assert rule is not None
        found[f"{entry.method} {entry.address}"] = None if rule.public else (rule.permission, rule.resource)
    assert found == EXPECTED_RULES


def test_whatever_is_not_public_asks_for_a_token(shared: Live) -> None:
    asked = 0
    for entry in shared.app.table:
        rule = rule_of(entry.handler)
        assert rule is not None
        answer = shared.ask(entry.method, entry.address.replace("{name}", "loans"), secret=None)
        if rule.public:
            assert answer.status_code == 200
        else:
            asked += 1
            assert words(answer, 401)["field"] == "Authorization"
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert asked == 3


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer unknown", "Bearer old", "Basic good", "good",
                                    "Bearer good good", "Bearer \xe4", "Bearer " + "x" * 5000])
def test_a_token_that_is_none_here_is_refused(shared: Live, header: str) -> None:
    answer = shared.ask(secret=None, headers={"Authorization": header.encode("latin-1")})
    assert "www-authenticate" in answer.headers
    body = words(answer, 401)
    assert "old" not in body["message"]
    assert "xxxx" not in answer.text


@pytest.mark.parametrize("header", ["Bearer good", "bearer good", "BEARER  good ", "Bearer lending", "Bearer later"])
def test_a_token_that_is_good_is_taken(shared: Live, header: str) -> None:
    assert shared.ask(secret=None, headers={"Authorization": header}).status_code == 200


def test_another_teams_service_is_not_there(shared: Live) -> None:
    for name in ("loans", "nothing"):
        for method, path in (("POST", "decisions"), ("GET", "openapi.json")):
            body = words(shared.ask(method, f"/v1/services/{name}/{path}", secret="other"), 404)
            assert body["allowed"] == []
    assert words(shared.ask(path="/v1/services/nothing/decisions"), 404)["allowed"] == ["loans"]


def test_a_revoked_token_ends_with_the_next_snapshot(live: Live) -> None:
    assert live.ask().status_code == 200
    live.publish([revision(live.home)], tokens=[token("new")])
    assert live.ask().status_code == 401
    assert live.ask(secret="new").status_code == 200


@pytest.mark.parametrize(("host", "status"), [
    ("localhost", 200), ("localhost:8471", 200), ("LOCALHOST", 200), ("127.0.0.1:1", 200), ("[::1]:8471", 200),
    ("[::1]", 200), ("evil.example", 403), ("localhost.evil.example", 403), ("", 403), ("localhost:1:2", 403),
    ("evil.example:localhost", 403), ("[::1].evil", 403), ("[::2]", 403)])
def test_only_known_names_are_answered(shared: Live, host: str, status: int) -> None:
    for method, path in (("POST", PATH), ("GET", "/healthz"), ("GET", "/nothing")):
        answer = shared.ask(method, path, headers={"Host": host})
        if status == 403:
            assert words(answer, 403)["field"] == "Host"
        else:
            assert answer.status_code in (200, 404)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                                  "multipart/form-data; boundary=x", "text/json; application/json"])
def test_only_json_is_taken(shared: Live, kind: str) -> None:
    answer = shared.ask(content=json.dumps(BODY), headers={"Content-Type": kind})
    assert words(answer, 415)["allowed"] == "application/json"


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", " application/json ;x=y"])
def test_json_is_taken_however_it_is_written(shared: Live, kind: str) -> None:
    assert shared.ask(content=json.dumps(BODY), headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("GET", PATH, "POST"), ("HEAD", PATH, "POST"), ("DELETE", PATH, "POST"), ("POST", "/healthz", "GET, HEAD"),
    ("PUT", "/metrics", "GET, HEAD"), ("OPTIONS", PATH, "POST"), ("BREW", PATH, "POST")])
def test_another_method_is_named(shared: Live, method: str, path: str, allowed: str) -> None:
    answer = shared.ask(method, path, json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert answer.content == b"" if method == "HEAD" else words(answer, 405)["field"] == "method"


@pytest.mark.parametrize("path", [
    "/", "/v1", "/v1/services/loans", PATH + "/", "/v1/services//decisions", "/v1/services/a/b/decisions", "/Healthz",
    "/v1/services/loans/openapiXjson", "/healthz/", "/metrics\n", "/v1/services/" + "x" * 201 + "/decisions"])
def test_other_addresses_are_not_there(shared: Live, path: str) -> None:
    assert words(shared.ask("GET", path.replace("\n", "%0A")), 404)["allowed"]


def test_head_answers_as_get_without_a_body(shared: Live) -> None:
    whole, head = shared.ask("GET", "/healthz"), shared.ask("HEAD", "/healthz")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_every_answer_is_kept_by_nobody_and_is_what_it_says(shared: Live) -> None:
    for answer in (shared.ask(), shared.ask("GET", "/healthz"), shared.ask("GET", "/nothing"), shared.ask(json=[])):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_body_over_the_limit_is_refused_before_it_is_read(shared: Live) -> None:
    async def never() -> dict[str, Any]:
        raise AssertionError("the body was read")

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [
        (b"host", b"localhost"), (b"authorization", b"Bearer good"), (b"content-type", b"application/json"),
        (b"content-length", str(BODY_BYTES + 1).encode())]}
    asyncio.run(shared.app(scope, never, send))
    assert sent[0]["status"] == 413


@pytest.mark.parametrize(("length", "status"), [(b"\xb2", 400), (b"-1", 400), (b"x", 400), (b"9" * 5000, 413), (b"1e3", 400)])
def test_a_length_that_is_none_is_refused(shared: Live, length: bytes, status: int) -> None:
    answer = shared.ask(content=b"{}", headers={"Content-Type": b"application/json", "Content-Length": length})
    words(answer, status)


def test_a_body_in_pieces_is_capped_too(shared: Live) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * (1 << 17)

    async def ask() -> Any:
        async with shared.client() as client:
            return await client.post(PATH, content=pieces(), headers={"Content-Type": "application/json"})

    words(asyncio.run(ask()), 413)


def test_a_caller_who_goes_away_is_no_fault(shared: Live, capsys: pytest.CaptureFixture[str]) -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": PATH, "headers": [
        (b"host", b"localhost"), (b"authorization", b"Bearer good"), (b"content-type", b"application/json")]}
    asyncio.run(shared.app(scope, receive, send))
    assert messages == []
    assert capsys.readouterr().err == ""


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
    | st.sampled_from([10**400, 10**30, "\ud800", "north", "p1", 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.text(st.characters(), max_size=5) | st.sampled_from(["income", "town", "years", "group"]), inner, max_size=4),
    max_leaves=8)
BODIES = (st.binary(max_size=300) | JSONS.map(lambda value: json.dumps(value).encode())
          | st.fixed_dictionaries({"inputs": JSONS, "subject": JSONS}, optional={
              "protected": JSONS, "idempotency_key": JSONS}).map(lambda value: json.dumps(value).encode())
          | st.builds(lambda cut, value: json.dumps(BODY).encode()[:cut] + value, st.integers(0, 70), st.binary(max_size=9)))


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(body=BODIES)
def test_no_body_is_a_fault_of_ours(shared: Live, body: bytes) -> None:
    answer = shared.ask(content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 409)
    if answer.status_code == 200:
        assert shared.log.by_id(answer.json()["id"]) is not None
    else:
        words(answer, answer.status_code)


@settings(max_examples=150, deadline=None)
@given(path=st.text(max_size=40).map(lambda text: "/" + text) | st.just("/v1/services/\x00/decisions"),
       method=st.sampled_from(["GET", "POST", "HEAD", "PATCH"]),
       headers=st.lists(st.tuples(st.sampled_from([b"authorization", b"content-type", b"content-length", b"host", b"x"]),
                                  st.binary(max_size=20)), max_size=4))
def test_no_address_and_no_header_is_a_fault_of_ours(shared: Live, path: str, method: str, headers: list[Any]) -> None:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", b"localhost"), *headers]}
    asyncio.run(shared.app(scope, receive, send))
    assert 200 <= sent[0]["status"] < 500


def test_a_fault_of_ours_shows_one_sentence_and_an_id(live: Live, monkeypatch: pytest.MonkeyPatch,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError("secret insides")

    monkeypatch.setattr(live.app._decider, "decide", fault)
    body = words(live.ask(), 500)
    found = re.fullmatch(r"The gateway failed at this request; no decision was made\. Error id ([0-9a-f-]{36})\.",
                         body.pop("message"))
    assert found
    assert body == {"error_code": "internal_error"}
    logged = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert logged["error_id"] == found.group(1)
    assert "secret insides" in logged["error"]


SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\]|\\.)*",?)*)\})? (-?[0-9.e+-]+|\+Inf|NaN)\Z')


def samples(text: str) -> dict[tuple[str, str], float]:
    assert text.endswith("\n")
    found: dict[tuple[str, str], float] = {}
    for line in text.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) [a-z_]+ .+\Z", line), line
            continue
        match = SAMPLE.match(line)
        assert match, line
        key = (match.group(1), match.group(2) or "")
        assert key not in found
        found[key] = float(match.group(3))
    return found


def test_metrics_are_prometheus_text_and_count_by_service(live: Live) -> None:
    for _ in range(3):
        live.ask()
    live.ask(json={"inputs": {}})
    live.ask(secret=None)
    live.ask("GET", "/nothing")
    live.ask(path="/v1/services/made-up/decisions")
    answer = live.ask("GET", "/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.text)
    count = "stellwerk_gateway_requests_total"
    assert {key[1]: value for key, value in found.items() if key[0] == count} == {
        'service="loans",status="200"': 3, 'service="loans",status="400"': 1, 'service="loans",status="401"': 1,
        'service="",status="404"': 2}
    bucket = [value for key, value in found.items() if key[0].endswith("_bucket") and 'service="loans"' in key[1]]
    assert bucket == sorted(bucket)
    assert bucket[-1] == found["stellwerk_gateway_request_seconds_count", 'service="loans"'] == 5
    assert found["stellwerk_gateway_request_seconds_sum", 'service="loans"'] > 0
    assert found["stellwerk_gateway_generation", ""] == 1


def test_metrics_ask_for_their_permission_unless_public(live: Live) -> None:
    assert words(live.ask("GET", "/metrics", secret="lending"), 403)["value"] == "metrics.read"
    live.publish([revision(live.home)], metrics_public=True)
    assert live.ask("GET", "/metrics", secret=None).status_code == 200


def test_before_the_first_snapshot_nothing_is_live(tmp_path: Path) -> None:
    empty = Live(tmp_path)
    assert empty.ask("GET", "/healthz").status_code == 200
    assert empty.ask("GET", "/readyz").status_code == 503
    answer = empty.ask()
    assert words(answer, 503)["hint"]
    assert answer.headers["retry-after"] == "1"
    empty.publish([revision(tmp_path)])
    assert empty.ask("GET", "/readyz").json() == {"status": "ready", "generation": 1, "problem": None}
    empty.writer.close()
    assert empty.ask("GET", "/readyz").status_code == 503
    words(empty.ask(), 503)
    empty.close()


def test_what_is_no_http_is_left_alone(shared: Live) -> None:
    async def nothing(*_: object) -> Any:
        raise AssertionError

    assert asyncio.run(shared.app({"type": "lifespan"}, nothing, nothing)) is None
