"""The document of a live service is valid OpenAPI 3.1, and what it says holds for whatever is sent."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from stellwerk.dataplane.snapshot import Field
from tests.gateway.live import BODY, PATH, Live, revision, running

EVERY_KIND = [
    Field(name="income", type="number", minimum=0, maximum=1000, seen_min=10, unit="kEUR", description="Per year"),
    Field(name="town", type="string", nullable=True, enum=["north", "south"]),
    Field(name="years", type="integer", nullable=True, minimum=0), Field(name="free", type="number", nullable=True),
    Field(name="code", type="string", nullable=True, pattern="[A-Z]{2}[0-9]*", max_length=6),
    Field(name="grade", type="integer", nullable=True, enum=[1, 2, 5]),
    Field(name="note", type="string", nullable=True, min_length=2, max_length=20), Field(name="long", type="string", nullable=True),
    Field(name="married", type="boolean", nullable=True)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")
    with running(home) as live:
        live.publish([revision(home, "r2", inputs=EVERY_KIND)])
        yield live


def document(live: Live) -> dict[str, Any]:
    answer = live.ask("GET", "/v1/services/loans/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_document_names_the_contract(service: Live) -> None:
    made = document(service)
    assert made["openapi"] == "3.1.0"
    assert (made["info"]["title"], made["info"]["version"]) == ("Loans", "1")
    asked = made["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert asked["required"] == ["inputs", "subject"]
    assert asked["properties"]["inputs"]["required"] == ["income"]
    income = asked["properties"]["inputs"]["properties"]["income"]
    assert income == {"type": "number", "minimum": 0, "maximum": 1000, "x-unit": "kEUR", "description": "Per year"}


def test_every_schema_in_the_document_is_one(service: Live) -> None:
    made = document(service)
    request = made["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    for schema in (request, *made["components"]["schemas"].values()):
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


@pytest.mark.parametrize(("body", "good"), [
    (BODY, True), ({**BODY, "subject": 5}, True), ({**BODY, "protected": {"group": "u"}}, True),
    ({**BODY, "protected": None, "idempotency_key": None}, True), ({**BODY, "subject": None}, False),
    ({**BODY, "subject": "a\nb"}, False), ({**BODY, "subject": ""}, False), ({**BODY, "more": 1}, False),
    ({"subject": "p", "inputs": {"income": 5, "free": 1e39}}, False), ({**BODY, "idempotency_key": 5}, False),
    ({"subject": "p", "inputs": {"income": 5, "long": "x" * 10_001}}, False),
    ({"subject": "p", "inputs": {"income": 5, "code": "AB1"}}, True),
    ({"subject": "p", "inputs": {"income": 5, "code": "xAB1"}}, False),
    ({"subject": "p", "inputs": {"income": 5, "married": None}}, True),
    ({"subject": "p", "inputs": {"income": None}}, False)])
def test_document_and_check_agree(service: Live, body: dict[str, Any], good: bool) -> None:
    schema = document(service)["paths"][PATH]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert jsonschema_rs.is_valid(schema, body) is good
    assert (service.ask(json=body).status_code == 200) is good


def test_whatever_the_document_allows_or_forbids_is_answered_so(service: Live) -> None:
    """Generated requests, good and bad, by every check of Schemathesis: answers fit, bad ones are refused."""
    headers = {"Authorization": "Bearer good", "Host": "localhost"}
    schema = schemathesis.openapi.from_asgi("/v1/services/loans/openapi.json", service.app, headers=headers)
    (operation,) = [found.ok() for found in schema.get_all_operations()]
    statuses: set[int] = set()
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def run(case: Any) -> None:
            statuses.add(case.call_and_validate(headers=headers).status_code)

        run()
    assert {200, 400} <= statuses
