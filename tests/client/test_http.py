import hashlib
import json
import socket

import pytest

from stellwerk.client.bundle import DataFile, Packed
from stellwerk.client.follow import Retry, follow_job
from stellwerk.client.http import ApiError, Client, Gateway, Unreachable
from tests.client.fake_server import DROP, FakeServer


@pytest.fixture
def server():
    made = FakeServer()
    yield made
    made.close()


@pytest.fixture
def client(server):
    with Client(server.url, "stw_x") as made:
        yield made


def sha(data):
    return hashlib.sha256(data).hexdigest()


def test_the_token_goes_along_and_the_answer_comes_back(server, client):
    server.routes["GET", "/api/v1/services"] = lambda query, body: (200, {"services": []})
    assert client.get("/services") == {"services": []}
    assert server.seen[0][4]["authorization"] == "Bearer stw_x"


def test_a_refusal_keeps_code_field_value_allowed_and_hint(server, client):
    body = {"error_code": "invalid_parameter", "message": "No.", "field": "a", "value": 1, "allowed": [2], "hint": "do b"}
    server.routes["GET", "/api/v1/services"] = lambda *parts: (400, body)
    with pytest.raises(ApiError) as caught:
        client.get("/services")
    assert caught.value.body() == body
    assert caught.value.status == 400


@pytest.mark.parametrize("answer", [(502, b"<html>bad gateway</html>"), (500, b""), (404, b"[1]")])
def test_an_answer_that_is_not_ours_is_still_one_readable_error(server, client, answer):
    server.routes["GET", "/api/v1/services"] = lambda *parts: answer
    with pytest.raises(ApiError, match=f"status {answer[0]}"):
        client.get("/services")


def test_a_page_at_the_address_is_not_taken_for_an_answer(server, client):
    server.routes["GET", "/api/v1/services"] = lambda *parts: (200, b"<html>")
    with pytest.raises(ApiError, match="did not answer in JSON"):
        client.get("/services")


def test_nothing_at_the_address_names_the_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Client(f"http://127.0.0.1:{port}", None) as client, pytest.raises(Unreachable) as caught:
        client.get("/services")
    assert "stellwerk up" in caught.value.hint
    assert str(port) in caught.value.message


@pytest.mark.parametrize("address", ["127.0.0.1:80", "http://[::1", "nonsense"])
def test_what_is_no_address_is_said_to_be_none(address):
    with Client(address, None) as client, pytest.raises(Unreachable):
        client.get("/services")


def test_names_cannot_leave_their_place_in_the_address(server):
    with pytest.raises(ApiError):
        Gateway(server.url, "t").decide("../../x?y#z", {})
    assert server.seen[0][1] == "/v1/services/..%2F..%2Fx%3Fy%23z/decisions"


def test_only_what_is_missing_is_sent(server, client, tmp_path):
    file = tmp_path / "x.csv"
    file.write_bytes(b"a,b\n" * 100_000)
    known, missing = sha(b"bundle"), sha(file.read_bytes())
    server.routes["HEAD", f"/api/v1/objects/{known}"] = lambda *parts: (200, b"")
    server.routes["PUT", f"/api/v1/objects/{missing}"] = lambda *parts: (201, {})
    packed = Packed(data=b"bundle", sha256=known, names=(), data_files=(DataFile("x.csv", file, missing),))
    assert client.upload(packed) == 1
    put = [(path, body, headers) for method, path, _, body, headers in server.seen if method == "PUT"]
    assert [(path, body) for path, body, _ in put] == [(f"/api/v1/objects/{missing}", file.read_bytes())]
    assert put[0][2]["content-length"] == "400000"


def test_a_refused_question_for_an_object_says_why(server, client):
    server.routes["HEAD", "/api/v1/objects/ab"] = lambda *parts: (403, b"")
    server.routes["GET", "/api/v1/objects/ab"] = lambda *parts: (403, {"error_code": "forbidden", "message": "Not you."})
    with pytest.raises(ApiError, match="Not you"):
        client.put_object("ab", b"")


def test_a_job_is_asked_for_with_bundle_files_and_commit(server, client, tmp_path):
    server.routes["POST", "/api/v1/services/churn/jobs"] = lambda query, body: (202, {"id": "j", "got": json.loads(body)})
    packed = Packed(data=b"", sha256="b", names=(), data_files=(DataFile("x.csv", tmp_path, "f"),))
    job = client.start_job("churn", "ship", packed, {"id": "c", "dirty": True, "remote": None}, again=True)
    assert job["got"] == {"kind": "ship", "bundle": "b", "files": {"x.csv": "f"}, "again": True,
                          "commit": {"id": "c", "dirty": True, "remote": None}}


def event(seq):
    return {"seq": seq, "at": "2026-01-01T00:00:00Z", "stage": "s", "status": "log", "message": str(seq), "data": None}


class Clock:
    def __init__(self):
        self.now = 0.0

    def sleep(self, seconds):
        self.now += seconds

    def __call__(self):
        return self.now


def retry(losses, patience=60.0):
    clock = Clock()
    return Retry(losses.append, patience=patience, sleep=clock.sleep, clock=clock)


def test_following_survives_dropped_connections_and_a_restarting_server(server, client):
    answers = iter([DROP, (503, {"error_code": "unavailable", "message": "starting"}),
                    (200, {"events": [event(1), event(2)], "done": False}), DROP,
                    (200, {"events": [event(2), event(3)], "done": True})])
    server.routes["GET", "/api/v1/jobs/j/events"] = lambda *parts: next(answers)
    server.routes["GET", "/api/v1/jobs/j"] = lambda *parts: (200, {"id": "j", "state": "succeeded"})
    seen, losses = [], []
    job = follow_job(client, "j", retry(losses), lambda found: seen.append(found["seq"]))
    assert job["state"] == "succeeded"
    assert seen == [1, 2, 3]
    assert len(losses) == 2
    assert [query["after"] for method, path, query, *_ in server.seen if path.endswith("events")][-1] == "2"


def test_following_ends_when_the_patience_does(server, client):
    server.routes["GET", "/api/v1/jobs/j/events"] = lambda *parts: DROP
    losses = []
    with pytest.raises(Unreachable):
        follow_job(client, "j", retry(losses, patience=10.0), print)
    assert len(losses) == 1


def test_a_refusal_while_following_is_not_repeated(server, client):
    with pytest.raises(ApiError, match="nothing here"):
        follow_job(client, "j", retry([]), print)
    assert len(server.seen) == 1
