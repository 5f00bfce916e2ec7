"""What filters of experiments, registered models and model versions mean, and how they are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search import (
    Comparison,
    parse_experiment_filter,
    parse_model_version_filter,
    parse_registered_model_filter,
)

Parser = Callable[[str | None], tuple[Comparison, ...]]

GOOD = [
    (parse_experiment_filter, "name LIKE 'exp%'", Comparison("attribute", "name", "LIKE", "exp%")),
    (parse_experiment_filter, "attribute.creation_time >= 5", Comparison("attribute", "creation_time", ">=", 5)),
    (parse_experiment_filter, "experiment_id = '07'", Comparison("attribute", "experiment_id", "=", "7")),
    (parse_experiment_filter, "experiment_id IN ('1','2')", Comparison("attribute", "experiment_id", "IN", ("1", "2"))),
    (parse_experiment_filter, "tags.`a b` ilike 'x'", Comparison("tag", "a b", "ILIKE", "x")),
    (parse_experiment_filter, "tags.experiment_id = 'x'", Comparison("tag", "experiment_id", "=", "x")),
    (parse_experiment_filter, "tag.a IS NOT NULL", Comparison("tag", "a", "IS NOT NULL", None)),
    (parse_registered_model_filter, "name = 'm'", Comparison("attribute", "name", "=", "m")),
    (parse_registered_model_filter, "name in ('m')", Comparison("attribute", "name", "IN", ("m",))),
    (parse_registered_model_filter, "tags.a != 'x'", Comparison("tag", "a", "!=", "x")),
    (
        parse_registered_model_filter,
        "tags.`mlflow.prompt.is_prompt` = 'true'",
        Comparison("tag", "mlflow.prompt.is_prompt", "=", "true"),
    ),
    (parse_model_version_filter, "source_path ilike 'S3%'", Comparison("attribute", "source_path", "ILIKE", "S3%")),
    (parse_model_version_filter, "run_id IN ('a')", Comparison("attribute", "run_id", "IN", ("a",))),
    (parse_model_version_filter, "version_number > 2", Comparison("attribute", "version_number", ">", 2)),
    (parse_model_version_filter, "version_number = ' 2 '", Comparison("attribute", "version_number", "=", 2)),
    (parse_model_version_filter, "tags.version_number = '2'", Comparison("tag", "version_number", "=", "2")),
]

BAD = [
    (parse_experiment_filter, "metrics.a > 1", "Invalid entity type 'metrics'"),
    (parse_experiment_filter, "attributes.name = 'x'", "Invalid entity type 'attributes'"),
    (parse_experiment_filter, "artifact_location = 'x'", "Invalid attribute key"),
    (parse_experiment_filter, "name > 'x'", "Invalid comparator for attribute: >"),
    (parse_experiment_filter, "name IN ('x')", "Only ['experiment_id'] attributes support comparison with a list"),
    (parse_experiment_filter, "experiment_id LIKE '1'", "Invalid comparator for attribute: LIKE"),
    (parse_experiment_filter, "experiment_id = 'x'", "Invalid experiment ID 'x'"),
    (parse_experiment_filter, "experiment_id = 1", "Expected a quoted string value for attributes"),
    (parse_experiment_filter, "creation_time > 1.5", "Invalid value for numeric attribute 'creation_time'"),
    (
        parse_experiment_filter,
        "creation_time > '1'",
        "Expected numeric value type for numeric attribute: creation_time",
    ),
    (parse_experiment_filter, "creation_time LIKE 1", "Invalid comparator for attribute: LIKE"),
    (parse_experiment_filter, "name IS NULL", "IS NULL / IS NOT NULL is only supported for tags, not for"),
    (parse_registered_model_filter, "name > 'x'", "Invalid comparator for attribute: >"),
    (parse_registered_model_filter, "tags.a > 'x'", "Invalid comparator for tag: >"),
    (parse_registered_model_filter, "tags.a IS NULL", "Invalid comparator for tag: IS NULL"),
    (parse_registered_model_filter, "run_id = 'x'", "Invalid attribute key 'run_id' specified"),
    (parse_registered_model_filter, "name = 5", "Expected a quoted string value or a list of quoted string values"),
    (parse_model_version_filter, "creation_timestamp > 5", "Invalid attribute key"),
    (parse_model_version_filter, "name = 5", "Only the ['version_number'] attributes support comparison with numeric"),
    (parse_model_version_filter, "source_path IN ('x')", "Only ['name', 'run_id'] attributes support comparison"),
    (parse_model_version_filter, "version_number = 1.5", "Invalid value for numeric attribute 'version_number'"),
    (parse_model_version_filter, "version_number = 'x'", "Invalid value for numeric attribute 'version_number'"),
    (parse_model_version_filter, "version_number LIKE '1'", "Invalid comparator for attribute: LIKE"),
    (parse_model_version_filter, "version_number = 99999999999999999999", "out of range"),
    (parse_model_version_filter, "params.a = 'x'", "Invalid entity type 'params'"),
    (parse_model_version_filter, "name = 'a' OR name = 'b'", "Invalid clause(s) in filter string"),
]


@pytest.mark.parametrize(("parse", "text", "expected"), GOOD)
def test_one_clause(parse: Parser, text: str, expected: Comparison) -> None:
    assert parse(text) == (expected,)
    assert type(parse(text)[0].value) is type(expected.value)


@pytest.mark.parametrize(("parse", "text", "message"), BAD)
def test_refused(parse: Parser, text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(text)
    assert message in caught.value.message
    assert caught.value.field == "filter"
