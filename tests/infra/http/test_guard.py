import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.infra.http.guard import Guard, host_allowed, same_origin
from stellwerk.infra.telemetry import Registry

HOSTS = ("127.0.0.1", "localhost", "[::1]", "ml.example:8443")
JSON = {"host": "localhost:8000", "authorization": "Bearer x"}


async def inner(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"reached"})


def ask(headers: dict[str, str] | list[tuple[str, str]], method: str = "GET",
        scheme: str = "http") -> tuple[int, dict[str, str], bytes]:
    pairs = list(headers.items()) if isinstance(headers, dict) else headers
    messages: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        messages.append(message)

    scope = {"type": "http", "method": method, "path": "/", "scheme": scheme,
             "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]}
    asyncio.run(Guard(inner, hosts=HOSTS, registry=Registry())(scope, None, send))  # type: ignore[arg-type]
    start = messages[0]
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, messages[1]["body"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "LOCALHOST:1", "[::1]", "[::1]:80", "ml.example:8443"])
def test_own_hosts_pass(host: str) -> None:
    assert ask({"host": host})[0] == 200


@pytest.mark.parametrize("host", [
    "", "evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "evil.example:127.0.0.1",
    "localhost@evil.example",     "localhost, evil.example", "ml.example", "ml.example:1",
    "::1", "localhost:80:80", "127.0.0.1/evil", "[::1]x"])
def test_foreign_hosts_are_refused_before_anything_else(host: str) -> None:
    status, headers, body = ask({"host": host})
    assert status == 403
    assert json.loads(body)["field"] == "Host"
    assert "content-security-policy" in headers


def test_no_host_or_two_hosts_are_refused() -> None:
    assert ask({})[0] == 403
    assert ask([("host", "localhost"), ("host", "localhost")])[0] == 403


@pytest.mark.parametrize("headers", [
    {"origin": "http://localhost:8000"}, {"sec-fetch-site": "same-origin"},
    {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin", "cookie": "a=b"},
    {"authorization": "Bearer x"}])
def test_changes_from_our_own_pages_or_by_token_alone_pass(headers: dict[str, str]) -> None:
    assert ask({"host": "localhost:8000", **headers}, "POST")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "ANYTHING"])
@pytest.mark.parametrize("headers", [
    {}, {"cookie": "a=b"}, {"origin": "null"}, {"origin": "http://evil.example"}, {"origin": "http://localhost:9000"},
    {"origin": "http://localhost:8000.evil.example"},
    {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
    {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
    {"sec-fetch-site": "none"}, {"authorization": "Bearer x", "cookie": "a=b"},
    {"authorization": "Bearer x", "origin": "http://evil.example"}, {"origin": "file://"}])
def test_changes_from_elsewhere_are_refused(method: str, headers: dict[str, str]) -> None:
    assert ask({"host": "localhost:8000", **headers}, method)[0] == 403


def test_reading_needs_no_origin() -> None:
    assert ask({"host": "localhost", "origin": "http://evil.example", "sec-fetch-site": "cross-site"})[0] == 200


def test_length_and_encoding_together_are_refused() -> None:
    status, _, body = ask({**JSON, "content-length": "3", "transfer-encoding": "chunked"}, "POST")
    assert status == 400
    assert json.loads(body)["field"] == "Transfer-Encoding"


def test_header_fields_are_limited() -> None:
    assert ask({"host": "localhost", "x": "a" * 32_000})[0] == 200
    assert ask({"host": "localhost", "x": "a" * 33_000})[0] == 431


def test_every_answer_carries_the_safe_headers() -> None:
    for headers in (ask({"host": "localhost"})[1], ask({"host": "evil"})[1]):
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers


def test_web_sockets_are_closed() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(inner, hosts=HOSTS, registry=Registry())
    asyncio.run(guard({"type": "websocket"}, None, send))  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_tls_pages_do_not_trust_plain_ones() -> None:
    assert same_origin("https://ml.example", "ml.example", "https")
    assert same_origin("https://ml.example:443", "ml.example", "https")
    assert not same_origin("http://ml.example", "ml.example", "https")
    assert same_origin("https://ml.example", "ml.example", "http")


@given(st.text(max_size=40))
def test_no_text_that_differs_from_the_list_is_allowed(host: str) -> None:
    name = host.strip().lower()
    if host_allowed(host, ("localhost",)):
        assert name == "localhost" or (name.startswith("localhost:") and name[10:].isdigit())
