"""Who is admitted: by token only, remembered until the control database changes."""

from __future__ import annotations

import base64
import json

import pytest
from sqlalchemy import text

from tests.infra.http.raw.conftest import World

GET = "/api/2.0/mlflow/things/a"


def code(world: World, token: str = "", **headers: bytes) -> tuple[int, str]:
    heard = world.ask("GET", GET, token=token, headers=tuple((name.encode(), value) for name, value in headers.items()))
    return heard.status, json.loads(heard.body).get("error_code", "")


def basic(text: bytes) -> bytes:
    return b"Basic " + base64.b64encode(text)


def test_who_may(world: World) -> None:
    assert code(world, "reader") == (200, "")
    assert code(world, "writer") == (403, "PERMISSION_DENIED")
    assert code(world, "stranger") == (401, "UNAUTHENTICATED")
    assert code(world) == (401, "UNAUTHENTICATED")


def test_the_refusal_names_the_way(world: World) -> None:
    heard = world.ask("GET", GET, token="")
    assert heard.headers[b"www-authenticate"].startswith(b"Bearer")
    assert "MLFLOW_TRACKING_TOKEN" in json.loads(heard.body)["message"]


@pytest.mark.parametrize(("header", "status"), [
    (basic(b"anybody:reader"), 200), (basic(b":reader"), 200), (b"bearer reader", 200), (b"BEARER   reader ", 200),
    (basic(b"reader"), 401), (basic(b"reader:"), 401), (b"Basic reader", 401), (b"Basic \xff", 401), (basic(b"a:\xff"), 401),
    (b"Token reader", 401), (b"reader", 401), (b"", 401), (b"Bearer", 401), (basic(b"a:reader:more"), 401),
])
def test_forms_of_a_token(world: World, header: bytes, status: int) -> None:
    assert code(world, authorization=header)[0] == status


def test_a_cookie_admits_nobody(world: World) -> None:
    assert code(world, cookie=b"session=reader")[0] == 401


def test_a_token_is_looked_up_once(world: World) -> None:
    for _ in range(5):
        assert code(world, "reader")[0] == 200
    assert world.callers.asked == 1
    for _ in range(5):
        assert code(world, "stranger")[0] == 401
    assert world.callers.asked == 2


def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    assert code(world, "reader")[0] == 200
    with world.installation.database.engine.begin() as connection:
        connection.execute(text("DELETE FROM pass WHERE token = 'reader'"))
    assert code(world, "reader")[0] == 401
    with world.installation.database.engine.begin() as connection:
        connection.execute(text("INSERT INTO pass VALUES ('reader', 'things.read')"))
    assert code(world, "reader")[0] == 200


def test_a_body_is_not_read_before_its_caller_is_known(world: World) -> None:
    heard = world.ask("POST", "/api/2.0/mlflow/things/create", b"a" * 9000, token="stranger")
    assert heard.status == 401


def test_content_types(world: World) -> None:
    for kind, status in ((b"application/json", 200), (b"Application/JSON; charset=utf-8", 200), (b"text/plain", 400), (b"", 400)):
        heard = world.ask("POST", "/api/2.0/mlflow/things/create", b'{"name": "a"}', headers=((b"content-type", kind),))
        assert heard.status == status, kind
