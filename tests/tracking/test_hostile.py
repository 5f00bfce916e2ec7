"""Requests that no client makes: answered with an error of the protocol, at once, and without any trace inside."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tests.tracking.serving import Raw, Server

JSON = {"Content-Type": "application/json"}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


def sent(raw: Raw, path: str, content: bytes, **headers: str) -> httpx.Response:
    return raw.send("POST", path, content=content, headers=JSON | headers)


@pytest.mark.parametrize("content", [
    b"{", b"[]", b"null", b"1", b'"x"', b"{}{}", b"{'run_id': 1}", b'{"run_id":}', b"\xff\xfe", b'{"run_id": "\xff"}',
    b'{"run_id": "\\ud800"}', b'{"run_id": "\\udc00\\ud800"}', b'{"run_id": "\\u0000"}', b'\xef\xbb\xbf{"run_id": "a"}',
    b'{"run_id": "' + b"a" * 300_000 + b'"}', b"[" * 100_000, b'{"a":' * 50_000,
    b'{"zz": ' + b"[" * 900 + b'"\\u0000"' + b"]" * 900 + b"}",
    b'{"metrics": ' + b"[" * 500 + b"]" * 500 + b"}", b'{"run_id": NaN}', b'{"run_id": 1e999}', b"\x00" * 100, b"run_id=a&key=b",
    b'{"metrics": {"a": 1}}', b'{"metrics": [1]}', b'{"metrics": [null]}', b'{"metrics": [[]]}', b'{"params": "x"}',
    b'{"tags": [{"key": {"a": 1}}]}', b'{"run_id": ["a"]}', b'{"run_id": {"a": "b"}}', b'{"run_id": true}', b'{"run_id": 12}',
    b"<run/>", b'{"run_id": "a", "run_id": "b"}',
])
def test_bodies(raw: Raw, content: bytes) -> None:
    started = time.monotonic()
    answer = sent(raw, "runs/log-batch", content)
    assert answer.status_code in (400, 404), answer.text
    assert len(answer.content) < 5000
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "",
                                        "x", "application/xml"])
def test_other_content_types(raw: Raw, media_type: str) -> None:
    answer = raw.send("POST", "runs/delete", content=b'{"run_id": "a"}', headers={"Content-Type": media_type})
    assert answer.status_code == 400
    assert "Content-Type must be 'application/json'" in answer.json()["message"]


def test_content_type_with_parameters(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    for kind in ("application/json; charset=utf-8", "Application/JSON"):
        answer = raw.send("POST", "runs/restore", content=json.dumps({"run_id": run}).encode(),
                          headers={"Content-Type": kind})
        assert answer.status_code == 200


def test_large_bodies(raw: Raw, server: Server, experiment: str) -> None:
    run = raw.run(experiment)
    answer = sent(raw, "runs/log-batch", b'{"run_id": "' + b"a" * (10 << 20) + b'"}')
    assert (answer.status_code, answer.json()["error_code"]) == (413, "REQUEST_LIMIT_EXCEEDED")

    def pieces() -> object:
        yield b'{"run_id": "'
        for _ in range(40):
            yield b"a" * 50_000

    answer = raw.send("POST", "runs/log-batch", content=pieces(), headers=JSON)
    assert answer.status_code == 413
    # Nothing of this keeps the server from answering others.
    assert server.raw().data(run)["params"] == {}


def test_unknown_fields_are_left_alone(raw: Raw, experiment: str) -> None:
    run = raw.run(experiment)
    raw.post("runs/set-tag", run_id=run, key="a", value="b", from_the_future={"x": [1, {"y": None}]})
    assert raw.data(run)["tags"]["a"] == "b"


@pytest.mark.parametrize("path", [
    "/api/2.0/mlflow/nothing", "/api/2.0/", "/api/2.0/mlflow/", "/api/2.0/mlflow/runs", "/api/2.0/mlflow/runs/create/",
    "/api/2.0/mlflow/runs//create", "/api/2.0/mlflow/runs%2Fcreate", "/api/3.0/mlflow/x", "/ajax-api/2.0/mlflow/x", "/ajax-api/",
    "/api/2.0/mlflow/runs/create;x=1", "/api/2.0/mlflow/../mlflow/x", "/api/2.0/mlflow/logged-models/a/b/c/d",
    "/api/2.0/mlflow/%00", "/api/2.0/mlflow/%ff%fe", "/api/2.0/mlflow/logged-models/%ff", "/api/2.0/mlflow/logged-models/%00",
    "/api/2.0/mlflow/" + "a" * 5000, "/api/2.0/preview/mlflow/nothing",
])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_addresses(raw: Raw, path: str, method: str) -> None:
    answer = raw.send(method, path, content=b"{}", headers=JSON)
    assert answer.status_code in (404, 405), answer.text
    assert len(answer.content) < 1000


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ["runs/create", "runs/get", "experiments/search", "logged-models/x", "metrics/get-history"])
def test_methods(raw: Raw, method: str, path: str) -> None:
    answer = raw.send(method, path)
    assert answer.status_code in (200, 400, 404, 405)
    if answer.status_code == 405:
        assert method not in answer.headers["allow"].split(", ")
    if method == "HEAD":
        assert answer.content == b""


def test_head_is_get_without_a_body(raw: Raw, experiment: str) -> None:
    head = raw.send("HEAD", "experiments/get", params={"experiment_id": experiment})
    get = raw.send("GET", "experiments/get", params={"experiment_id": experiment})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", get.headers["content-length"])


@pytest.mark.parametrize("query", [
    b"experiment_id=%00", b"experiment_id=%ff", b"experiment_id=%", b"experiment_id=1&experiment_id=2&experiment_id=x",
    b"=", b"&&&&", b"experiment_id[]=1", b"a=b&" * 5000, b"experiment_id=" + b"1" * 20_000, b"experiment_id",
])
def test_queries(server: Server, query: bytes) -> None:
    raw = server.raw()
    answer = raw.http.get(httpx.URL(server.url).copy_with(path="/api/2.0/mlflow/experiments/get", query=query))
    assert answer.status_code in (400, 404, 414, 431)
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("text", [
    " AND ".join(["metrics.a > 1"] * 50), " AND ".join(f"params.p{n} = 'x'" for n in range(50)),
    " AND ".join(f"tags.t{n} LIKE '%a%a%a%a%a%a%'" for n in range(50)), "params.a LIKE '" + "%a" * 1500 + "'",
    "params.a ILIKE '" + "%_" * 1800 + "x'", "run_id IN (" + ", ".join(["'x'"] * 9000) + ")", "(" * 4000, "'" * 4001,
    "metrics.`" + "a" * 3900 + "` > 1", "a" * 4000, "metrics.a > " + "9" * 3900, "AND " * 1000,
    "dataset.name = 'x' AND " * 49 + "status = 'a'",
    " AND ".join(f"metrics.m{n} != {n}" for n in range(50)), " AND ".join(f"tags.t{n} IS NULL" for n in range(50)),
])
def test_filters_that_blow_up(raw: Raw, experiment: str, text: str) -> None:
    raw.post("runs/log-parameter", run_id=raw.run(experiment), key="a", value="a" * 5000)
    for path, more in (("runs/search", {"experiment_ids": [experiment]}), ("experiments/search", {}),
                       ("logged-models/search", {"experiment_ids": [experiment]})):
        started = time.monotonic()
        answer = raw.send("POST", path, json={"filter": text, **more})
        assert answer.status_code in (200, 400)
        assert time.monotonic() - started < 10


def test_many_ids_and_long_orders(raw: Raw, experiment: str) -> None:
    for count in (1000, 40_000, 90_000):
        raw.send("POST", "runs/search", json={"experiment_ids": [str(n) for n in range(count)]})
        raw.send("POST", "runs/search", json={"experiment_ids": ["1"] * count})
        raw.send("POST", "experiments/search-datasets", json={"experiment_ids": [str(n) for n in range(count)]})
    raw.run(experiment)
    raw.run(experiment)
    for order in ([f"metrics.m{n}" for n in range(20)], [f"params.p{n} DESC" for n in range(70)], ["start_time"] * 500,
                  [f"tags.t{n}" for n in range(2000)], ["metrics.`" + "a" * 5000 + "`"]):
        first = raw.send("POST", "runs/search", json={"experiment_ids": [experiment], "order_by": order,
                                                      "max_results": 1})
        if first.status_code == 200:
            raw.post("runs/search", experiment_ids=[experiment], order_by=order, max_results=1,
                     page_token=first.json()["next_page_token"])


def test_as_many_filters_and_orders_as_there_may_be(raw: Raw, experiment: str) -> None:
    """Filters and orders of one search are tables of one join, and no database joins any number of them."""
    run = raw.run(experiment)
    raw.post("runs/log-batch", run_id=run, metrics=[{"key": f"m{n}", "value": n, "timestamp": 1} for n in range(70)])
    for filters, orders in ((50, 20), (40, 20), (10, 5)):
        answer = raw.send("POST", "runs/search", json={
            "experiment_ids": [experiment], "filter": " AND ".join(f"metrics.m{n} >= 0" for n in range(filters)),
            "order_by": [f"metrics.m{50 + n}" for n in range(orders)]})
        assert answer.status_code == 200 or "too much at once" in answer.json()["message"]
    assert answer.json()["runs"][0]["info"]["run_id"] == run


def test_forged_page_tokens(raw: Raw, experiment: str) -> None:
    import base64

    for _ in range(2):
        raw.run(experiment)
    body = {"experiment_ids": [experiment], "max_results": 1, "order_by": ["metrics.a DESC"]}
    token = raw.post("runs/search", **body)["next_page_token"]
    good = json.loads(base64.urlsafe_b64decode(token))
    for place in range(1, len(good)):
        for other in (None, "x", "\x00", -1, 3, 2**63, -(2**63) - 1, 10**30, 1.5, [], {}, True, "a" * 9000):
            forged = base64.urlsafe_b64encode(json.dumps([*good[:place], other, *good[place + 1:]]).encode()).decode()
            assert raw.send("POST", "runs/search", json=body | {"page_token": forged}).status_code in (200, 400)
    for text in ("a", "====", "W10=", "bnVsbA==", "é", "A" * 20_000, base64.urlsafe_b64encode(b"[" * 9000).decode()):
        raw.refused("runs/search", **body, page_token=text)


def test_a_caller_who_leaves_early(server: Server) -> None:
    import socket

    token = server.token("admin")
    for part in (b"", b"{", b'{"run_id": "a'):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"POST /api/2.0/mlflow/runs/log-batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: "
                               b"application/json\r\nContent-Length: 1000\r\nAuthorization: Bearer " + token.encode() +
                               b"\r\n\r\n" + part)
    for start in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000,
                  b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\n"
                  b"Host: 127.0.0.1\r\nContent-Length: -5\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            try:
                connection.sendall(start)
                assert b" 500 " not in connection.recv(100)
            except OSError:
                continue
    assert server.raw().send("GET", "/health").text == "OK"
