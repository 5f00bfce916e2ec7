"""The search of logged models: plural entities, bare values, orders as objects."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search import Comparison, Order, parse_logged_model_filter, parse_logged_model_order

GOOD = [
    ("name = 'm'", Comparison("attribute", "name", "=", "m")),
    ("attributes.model_type ilike 'x%'", Comparison("attribute", "model_type", "ILIKE", "x%")),
    ("creation_time > 5", Comparison("attribute", "creation_timestamp", ">", 5)),
    ("attributes.last_updated_timestamp <= 5.5", Comparison("attribute", "last_updated_timestamp", "<=", 5.5)),
    ("metrics.`a b` > 1", Comparison("metric", "a b", ">", 1.0)),
    ("params.lr = 0.01", Comparison("param", "lr", "=", "0.01")),
    ("params.opt = adam", Comparison("param", "opt", "=", "adam")),
    ("params.shape = '(1, 2)'", Comparison("param", "shape", "=", "(1, 2)")),
    ("params.shape IN ('a', 'b')", Comparison("param", "shape", "IN", ("a", "b"))),
    ("tags.a.b != \"x\"", Comparison("tag", "a.b", "!=", "x")),
    ("source_run_id not in ('r')", Comparison("attribute", "source_run_id", "NOT IN", ("r",))),
]  # fmt: skip

BAD = [
    ("metric.a > 1", "Invalid entity type: 'metric'. Expected one of"),
    ("color = 'x'", "Invalid attribute key"),
    ("metrics.a LIKE 'x'", "Invalid comparison operator for metrics.a: 'LIKE'. Expected one of"),
    ("metrics.a IN (1)", "Invalid comparison operator"),
    ("metrics.a > 'x'", "Expected numeric value type for metric"),
    ("creation_timestamp > x", "Expected numeric value type for attribute"),
    ("creation_timestamp > 99999999999999999999", "out of range"),
    ("params.a > 'x'", "Invalid comparison operator"),
    ("tags.a IS NULL", "Invalid comparison operator"),
    ("params.a = ('x')", "Expected a quoted string value"),
    ("metrics.a > ()", "Expected a quoted string value"),
    ("1 = 1", "Expected 'Identifier'"),
    ("name = 'a' OR name = 'b'", "Invalid filter string: 'OR'"),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_one_clause(text: str, expected: Comparison) -> None:
    assert parse_logged_model_filter(text) == (expected,)


@pytest.mark.parametrize(("text", "message"), BAD)
def test_filter_refused(text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_logged_model_filter(text)
    assert message in caught.value.message
    assert caught.value.field == "filter"


def test_order() -> None:
    found = parse_logged_model_order(
        [
            {"field_name": "metrics.a b.c", "ascending": False, "dataset_name": "d", "dataset_digest": "9"},
            {"field_name": "metrics.a b.c"},
            {"field_name": " creation_time ", "ascending": None, "dataset_name": "d"},
            {"field_name": "creation_timestamp", "ascending": False},
        ]
    )
    assert found == (
        Order("metric", "a b.c", True, "d", "9"),
        Order("metric", "a b.c", False),
        Order("attribute", "creation_timestamp", False),
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name", "must be a list of dictionaries"),
        ({}, "`field_name` in the `order_by` clause must be specified"),
        ({"field_name": 5}, "expected a string"),
        ({"field_name": "params.a"}, "Only metrics are supported"),
        ({"field_name": "metrics."}, "Only metrics are supported"),
        ({"field_name": "color"}, "Invalid order by field name: color"),
        ({"field_name": "name", "ascending": "yes"}, "must be a boolean"),
        ({"field_name": "metrics.a", "dataset_digest": "9"}, "`dataset_digest` can only be specified if"),
        ({"field_name": "metrics.a", "dataset_name": 5}, "expected a string"),
        ({"field_name": "metrics.\ud800"}, "not valid Unicode"),
    ],
)
def test_order_refused(entry: Any, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_logged_model_order([entry])
    assert message in caught.value.message
    assert caught.value.field == "order_by"


def test_order_cap() -> None:
    with pytest.raises(BadInput, match="more than 20 entries"):
        parse_logged_model_order([{"field_name": f"metrics.m{number}"} for number in range(21)])
