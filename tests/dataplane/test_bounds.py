"""Limits hold as they are written: whole numbers beyond what a float can tell apart follow the service's document."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stellwerk.dataplane.request_check import RequestCheck
from stellwerk.dataplane.snapshot import Field, Revision, Route
from stellwerk.gateway.openapi import document
from stellwerk.kernel.errors import BadInput


def accepted(field: Field, value: Any) -> bool:
    try:
        RequestCheck([field], [], None)({"inputs": {"a": value}})
    except BadInput:
        return False
    return True


def documented(field: Field, value: Any) -> bool:
    revision = Revision(id="r", service="s", version=1, model="m", inputs=[field], threshold=0.5, below="review")
    made = msgspec.json.decode(msgspec.json.encode(document(Route(service="s", team="t", champion="r"), revision)))
    body = made["paths"]["/v1/services/s/decisions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema_rs.is_valid(body, {"inputs": {"a": value}})


@pytest.mark.parametrize(("value", "good"), [
    (34 * 10**37, True), (-34 * 10**37, True), (34 * 10**37 + 1, False), (-34 * 10**37 - 1, False), (3.4e38, True),
    (-3.4e38, True), (3.5e38, False), (10**400, False), (0, True)])
@pytest.mark.parametrize("kind", ["number", "integer"])
def test_the_largest_number_is_the_one_that_is_named(kind: Any, value: float, good: bool) -> None:
    field = Field(name="a", type=kind)
    assert accepted(field, value) is good
    assert documented(field, value) is good


@pytest.mark.parametrize(("value", "good"), [
    (10**23, True), (10**23 + 1, False), (1e23, True), (-(10**23), True), (-(10**23) - 1, False), (-1e23, True)])
def test_the_contracts_limits_are_those_that_are_named(value: float, good: bool) -> None:
    """As a float, 1e23 is a little less than 10 to the power of 23."""
    field = Field(name="a", type="number", minimum=-1e23, maximum=1e23)
    assert accepted(field, value) is good
    assert documented(field, value) is good


BOUNDS = st.floats(-1e30, 1e30) | st.integers(-50, 50).map(float) | st.sampled_from([1e23, 2.0**53, -1e22, 0.1])


@given(low=BOUNDS, high=BOUNDS, beyond=st.integers(-2, 2))
@example(low=0.0, high=1e23, beyond=0)
@example(low=-1e23, high=0.0, beyond=0)
def test_whole_numbers_next_to_a_limit_are_taken_as_documented(low: float, high: float, beyond: int) -> None:
    field = Field(name="a", type="integer", minimum=min(low, high), maximum=max(low, high))
    for bound in (low, high):
        value = int(f"{bound:.0f}") + beyond
        assert accepted(field, value) is documented(field, value)
