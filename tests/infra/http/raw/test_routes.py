"""Which handler answers what, what it is handed, and how errors look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stellwerk.infra.http.raw import RawApp
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.kernel.route import UndeclaredRoute, public, rule_of
from tests.infra.http.raw.conftest import Heard, World, routes

THINGS = "/api/2.0/mlflow/things"


def told(heard: Heard) -> Any:
    assert heard.headers[b"content-type"] == b"application/json"
    assert int(heard.headers[b"content-length"]) == len(heard.body)
    return json.loads(heard.body)


@pytest.mark.parametrize("prefix", ["/api/2.0", "/ajax-api/2.0"])
def test_every_call_has_a_twin(world: World, prefix: str) -> None:
    heard = world.ask("POST", f"{prefix}/mlflow/things/create", b'{"name": "a", "size": "3"}')
    assert (heard.status, told(heard)) == (200, {"name": "a", "size": 3, "many": None, "for": "caller"})


@pytest.mark.parametrize(("path", "found"), [
    ("/a", {"name": "a"}), ("/a%2Fb", {"name": "a/b"}), ("/a%252Fb", {"name": "a%2Fb"}), ("/%C3%BC", {"name": "ü"}),
    ("/a%20b", {"name": "a b"}), ("/a+b", {"name": "a+b"}), ("/..", {"name": ".."}), ("/get%2F", {"name": "get/"}),
    ("/%67et", {"name": "get"}), ("/create%2Fx", {"name": "create/x"}),
])
def test_parameters_are_matched_raw_and_decoded_once(world: World, path: str, found: dict[str, str]) -> None:
    heard = world.ask("GET", THINGS + path, token="reader")
    assert (heard.status, told(heard)) == (200, found)


def test_a_parameter_may_take_the_rest(world: World) -> None:
    heard = world.ask("DELETE", f"{THINGS}/a%2Fb/tags/c/d%2Fe//f")
    assert told(heard) == {"name": "a/b", "key": "c/d/e//f"}


@pytest.mark.parametrize("path", ["/api/2.0/mlflow/nothing", f"{THINGS}/", f"{THINGS}/a/b", f"{THINGS}/%ff", f"{THINGS}/%00",
                                  f"{THINGS}/a/tags/", "/api/2.0/mlflow%2Fthings/create", "/ajax-api/x", "/api/2.0/"])
def test_addresses_that_nobody_has(world: World, path: str) -> None:
    for token in ("writer", ""):
        heard = world.ask("GET", path, token=token)
        assert (heard.status, told(heard)["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


@pytest.mark.parametrize("path", ["/", "/api/v1/services", "/api/3", "/api/2.00/x", "/static/x", "/Api/2.0/x"])
def test_other_addresses_are_passed_on(world: World, path: str) -> None:
    assert world.ask("GET", path).status == 299
    assert world.passed_on == [path]


def test_methods(world: World) -> None:
    for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "x"):
        heard = world.ask(method, f"{THINGS}/create")
        assert (heard.status, told(heard)["error_code"], heard.headers[b"allow"]) == (405, "BAD_REQUEST", b"POST")
    assert world.ask("POST", f"{THINGS}/a").headers[b"allow"] == b"GET"


def test_head_is_get_without_a_body(world: World) -> None:
    get, head = (world.ask(method, f"{THINGS}/open", headers=((b"x-a", b"hello"),), token="") for method in ("GET", "HEAD"))
    assert (get.status, get.body, get.headers[b"x-b"]) == (200, b"hello", b"c")
    assert (head.status, head.body, head.headers) == (200, b"", get.headers)
    assert world.ask("HEAD", f"{THINGS}/chunks").body == b""
    assert world.ask("HEAD", f"{THINGS}/create").status == 405


def test_answers_in_pieces(world: World) -> None:
    heard = world.ask("GET", f"{THINGS}/chunks")
    assert (heard.body, b"content-length" in heard.headers) == (b"012", False)


def test_queries(world: World) -> None:
    heard = world.ask("GET", f"{THINGS}/get", token="reader", query=b"name=%C3%BC+x&size=7&many=a&many=b%2Cc&other=1")
    assert told(heard) == {"name": "ü x", "size": 7, "many": ["a", "b,c"]}
    heard = world.ask("GET", f"{THINGS}/get", token="reader", query=b"size=7")
    assert "Missing value for required parameter 'name'" in told(heard)["message"]
    # Some clients send the parameters of a POST in its address.
    assert told(world.ask("POST", f"{THINGS}/create", query=b"name=a"))["name"] == "a"


def test_bodies_in_pieces_and_their_limit(world: World) -> None:
    pieces = (b'{"name": "', *[b"a" * 100] * 10, b'"}')
    assert told(world.ask("POST", f"{THINGS}/create", *pieces))["name"] == "a" * 1000
    for body in ((b"a" * 2001,), tuple([b"a" * 300] * 8)):
        heard = world.ask("POST", f"{THINGS}/create", *body)
        assert (heard.status, told(heard)["error_code"], heard.headers[b"connection"]) == (
            413, "REQUEST_LIMIT_EXCEEDED", b"close")
    assert world.ask("POST", f"{THINGS}/small", b'{"name": "' + b"a" * 60 + b'"}').status == 413
    assert world.ask("POST", f"{THINGS}/small", b'{"name": "a"}').status == 200


@pytest.mark.parametrize("length", [b"2001", b"x", b"-1", b"1e3", b"9" * 5000, "²".encode("latin-1")])
def test_a_length_that_is_too_much_is_refused_before_the_body(world: World, length: bytes) -> None:
    heard = world.ask("POST", f"{THINGS}/create", headers=((b"content-length", length), (b"content-type", b"application/json")))
    assert heard.status == 413


def test_streams_and_their_limit(world: World) -> None:
    assert told(world.ask("PUT", f"{THINGS}/upload", *[b"a" * 100] * 30)) == {"bytes": 3000}
    assert world.ask("PUT", f"{THINGS}/upload", *[b"a" * 100] * 31).status == 413


def test_a_caller_who_leaves_before_the_body_asks_for_nothing(world: World) -> None:
    # As an empty body it would be read as a request without parameters.
    assert world.ask("POST", "/api/2.0/mlflow/things/create", b"{}", leave=True).status == 0


def test_a_caller_who_leaves_gets_no_answer(world: World) -> None:
    for method, path in (("POST", "create"), ("PUT", "upload")):
        assert world.ask(method, f"{THINGS}/{path}", b"{", b"}", leave=True).status == 0


def test_errors(world: World) -> None:
    def fail(name: str) -> tuple[int, Any, dict[bytes, bytes]]:
        heard = world.ask("POST", f"{THINGS}/fail", json.dumps({"name": name}).encode())
        return heard.status, told(heard), heard.headers

    assert fail("missing")[:2] == (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "It is not here."})
    assert fail("clash")[:2] == (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "It clashes. Wait."})
    status, body, headers = fail("full")
    assert (status, body["error_code"], headers[b"retry-after"]) == (503, "TEMPORARILY_UNAVAILABLE", b"30")
    status, body, _ = fail("bug")
    assert (status, body["error_code"]) == (500, "INTERNAL_ERROR")
    assert "inner secret" not in body["message"]


def test_two_handlers_for_one_address(world: World) -> None:
    with pytest.raises(ValueError, match="declared twice"):
        RawApp(world.inner, world.app.context, [routes(), routes()], ())


def test_every_route_has_its_rule(world: World) -> None:
    assert all(rule_of(handler) is not None for _, _, handler in world.app.served())
    with pytest.raises((UndeclaredRoute, TypeError, ValueError)):
        mlflow_routes("/x").get("/y", public(""))(lambda call: call)
