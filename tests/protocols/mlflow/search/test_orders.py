"""What orders mean, and how they are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow import search
from stellwerk.protocols.mlflow.search import Order

GOOD = [
    (search.parse_run_order, "metrics.acc", Order("metric", "acc", False)),
    (search.parse_run_order, "metrics.`Mean Square Error` DESC", Order("metric", "Mean Square Error", True)),
    (search.parse_run_order, 'params."a b"  aSc', Order("param", "a b", False)),
    (search.parse_run_order, "tags.a.b\ndesc", Order("tag", "a.b", True)),
    (search.parse_run_order, "start_time DESC", Order("attribute", "start_time", True)),
    (search.parse_run_order, "attribute.Created", Order("attribute", "start_time", False)),
    (search.parse_experiment_order, "last_update_time DESC", Order("attribute", "last_update_time", True)),
    (search.parse_experiment_order, "attribute.name", Order("attribute", "name", False)),
    (search.parse_registered_model_order, "timestamp DESC", Order("attribute", "last_updated_timestamp", True)),
    (
        search.parse_registered_model_order,
        "last_updated_timestamp",
        Order("attribute", "last_updated_timestamp", False),
    ),
    (search.parse_registered_model_order, "name asc", Order("attribute", "name", False)),
    (search.parse_model_version_order, "version_number DESC", Order("attribute", "version_number", True)),
    (search.parse_model_version_order, "creation_timestamp", Order("attribute", "creation_timestamp", False)),
]

BAD = [
    (search.parse_run_order, "", "Invalid order_by clause"),
    (search.parse_run_order, "m.acc", "Invalid entity type"),
    (search.parse_run_order, "acc", "Invalid attribute key"),
    (search.parse_run_order, "attribute.experiment_id", "Invalid attribute key"),
    (search.parse_run_order, "`metrics.A", "Invalid order_by clause"),
    (search.parse_run_order, "`metrics.A`", "Invalid entity type"),
    (search.parse_run_order, "metrics.A != 1", "Invalid order_by clause"),
    (search.parse_run_order, "metrics.A DESC NULLS LAST", "Invalid order_by clause"),
    (search.parse_run_order, "start_time ACS", "Invalid ordering key"),
    (search.parse_run_order, "dataset.name", "Invalid identifier type 'dataset'"),
    (search.parse_run_order, "metrics.a\0", "NUL"),
    (search.parse_run_order, f"metrics.{'a' * 4096}", "longer than 4096 bytes"),
    (search.parse_experiment_order, "tags.a", "Invalid order_by entity: tag"),
    (search.parse_experiment_order, "status", "Invalid attribute key"),
    (search.parse_registered_model_order, "creation_timestamp DESC", "Invalid order by key 'creation_timestamp'"),
    (search.parse_registered_model_order, "attribute.name", "Invalid order by key"),
    (search.parse_registered_model_order, "name aCs", "Invalid ordering key"),
    (search.parse_registered_model_order, "last_updated_timestamp DESC blah", "Invalid order_by clause"),
    (search.parse_model_version_order, "run_id", "Invalid attribute key"),
    (search.parse_model_version_order, "tag.name", "Invalid order_by entity: tag"),
]

Parser = Callable[[Sequence[Any]], tuple[Order, ...]]


@pytest.mark.parametrize(("parse", "entry", "expected"), GOOD)
def test_one_entry(parse: Parser, entry: str, expected: Order) -> None:
    assert parse([entry]) == (expected,)


@pytest.mark.parametrize(("parse", "entry", "message"), BAD)
def test_refused(parse: Parser, entry: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse([entry])
    assert message in caught.value.message
    assert caught.value.field == "order_by"


@pytest.mark.parametrize(
    ("parse", "entries"),
    [
        (search.parse_run_order, ["start_time", "Created DESC"]),
        (search.parse_run_order, ["metrics.a", "metric.`a` DESC"]),
        (search.parse_registered_model_order, ["timestamp", "last_updated_timestamp"]),
        (search.parse_model_version_order, ["name", "name DESC"]),
    ],
)
def test_duplicates_are_refused(parse: Parser, entries: list[str]) -> None:
    with pytest.raises(BadInput, match="`order_by` contains duplicate fields"):
        parse(entries)


def test_experiments_let_duplicates_pass() -> None:
    found = search.parse_experiment_order(["name DESC", "experiment_id", "name"])
    assert found == (Order("attribute", "name", True), Order("attribute", "experiment_id", False))


def test_keys_of_two_kinds_are_no_duplicates() -> None:
    assert len(search.parse_run_order(["metrics.a", "params.a", "tags.a"])) == 3


def test_caps() -> None:
    assert search.parse_run_order([]) == ()
    assert len(search.parse_run_order([f"metrics.m{number}" for number in range(20)])) == 20
    with pytest.raises(BadInput, match="more than 20 entries"):
        search.parse_run_order([f"metrics.m{number}" for number in range(21)])
    not_a_list: Any = "start_time"
    with pytest.raises(BadInput, match="expected a list"):
        search.parse_run_order(not_a_list)
    not_text: Any = [5]
    with pytest.raises(BadInput, match="expected a string"):
        search.parse_run_order(not_text)
