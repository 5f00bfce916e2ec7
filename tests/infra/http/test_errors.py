import json
import logging

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

LENDER = {"Authorization": "Bearer lender"}


def post(client: TestClient, body: dict[str, object]) -> tuple[int, dict[str, object]]:
    answer = client.post("/api/v1/things/bolt", json=body, headers=LENDER)
    return answer.status_code, answer.json()


def names(client: TestClient) -> object:
    return client.get("/api/v1/things", headers=LENDER).json()


def test_a_change_is_committed_before_its_answer(client: TestClient, app: FastAPI) -> None:
    assert post(client, {"name": "nut"}) == (200, {"name": "nut"})
    assert names(client) == ["bolt", "nut"]
    assert app.state.committed == ["nut"]


@pytest.mark.parametrize(("name", "status"), [("clash", 409), ("bug", 500), ("full", 503)])
def test_an_error_undoes_the_whole_request(client: TestClient, app: FastAPI, name: str, status: int) -> None:
    assert post(client, {"name": name})[0] == status
    assert names(client) == ["bolt"]
    assert app.state.committed == []


def test_our_errors_keep_their_parts(client: TestClient) -> None:
    assert post(client, {"name": "clash"})[1] == {
        "error_code": "conflict", "message": "It clashes.", "field": "name", "value": "clash",
        "hint": "Choose another."}
    answer = client.post("/api/v1/things/bolt", json={"name": "full"}, headers=LENDER)
    assert answer.headers["Retry-After"] == "30"


def test_an_unexpected_error_says_a_sentence_and_an_id(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="stellwerk.http"):
        status, body = post(client, {"name": "bug"})
    assert status == 500
    assert body["error_code"] == "internal_error"
    assert "secret" not in json.dumps(body)
    assert "RuntimeError" not in json.dumps(body)
    details = body["details"]
    assert isinstance(details, dict)
    assert details["error_id"] in str(body["hint"])
    assert [record.facts["error_id"] for record in caplog.records if hasattr(record, "facts")] == [details["error_id"]]


@pytest.mark.parametrize(("body", "field", "value", "allowed"), [
    ({"name": "longer"}, "name", "longer", {"max_length": 5}),
    ({"name": "nut", "size": 0}, "size", 0, {"ge": 1}),
    ({"name": "nut", "size": "x" * 900}, "size", "x" * 200, None),
    ({}, "name", None, None)])
def test_validation_names_field_value_and_what_is_allowed(client: TestClient, body: dict[str, object], field: str,
                                                          value: object, allowed: object) -> None:
    status, answer = post(client, body)
    assert status == 422
    assert answer["error_code"] == "invalid_parameter"
    assert (answer["field"], answer.get("value"), answer.get("allowed")) == (field, value, allowed)


def test_a_refused_password_is_not_repeated(client: TestClient) -> None:
    status, answer = post(client, {"name": "nut", "password": "hunter2"})
    assert status == 422
    assert answer["field"] == "password"
    assert "hunter2" not in json.dumps(answer)


def test_a_second_fault_stands_in_the_details(client: TestClient) -> None:
    answer = post(client, {"name": "longer", "size": 0})[1]
    assert answer["details"] == [{"field": "size", "message": "Input should be greater than or equal to 1", "value": 0,
                                  "allowed": {"ge": 1}}]


@pytest.mark.parametrize(("method", "path", "status", "code"), [
    ("GET", "/api/v1/unknown", 404, "not_found"), ("DELETE", "/api/v1/things", 405, "method_not_allowed"),
    ("GET", "/api/v1/things/", 404, "not_found")])
def test_the_frameworks_own_errors_have_the_shape(client: TestClient, method: str, path: str, status: int,
                                                  code: str) -> None:
    answer = client.request(method, path, headers=LENDER)
    assert answer.status_code == status
    assert answer.json()["error_code"] == code
    assert set(answer.json()) == {
        "error_code", "message"}
