"""What filters of runs mean, and how they are refused."""

from __future__ import annotations

import pytest

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search import Comparison, parse_run_filter

GOOD = [
    ("metric.loss < 0.5", Comparison("metric", "loss", "<", 0.5)),
    ("metrics.loss>=-1", Comparison("metric", "loss", ">=", -1.0)),
    ("metrics.loss = 1E-3", Comparison("metric", "loss", "=", 0.001)),
    ("metrics.loss != 1e+20", Comparison("metric", "loss", "!=", 1e20)),
    ("metrics.`val loss` > .5", Comparison("metric", "val loss", ">", 0.5)),
    ('metrics."val/loss" <= 5.', Comparison("metric", "val/loss", "<=", 5.0)),
    ("`metrics`.loss > 1", Comparison("metric", "loss", ">", 1.0)),
    ("metrics.loss > 99999999999999999999", Comparison("metric", "loss", ">", 1e20)),
    ("params.lr = '0.1'", Comparison("param", "lr", "=", "0.1")),
    ('param.lr != "0.1"', Comparison("param", "lr", "!=", "0.1")),
    ("parameters.'my key' like '%x_'", Comparison("param", "my key", "LIKE", "%x_")),
    ("parameter.order IlIkE 'x'", Comparison("param", "order", "ILIKE", "x")),
    ("params.a = 'x AND y'", Comparison("param", "a", "=", "x AND y")),
    ("params.a = 'it''s'", Comparison("param", "a", "=", "it''s")),
    ('params.a = "it\'s"', Comparison("param", "a", "=", "it's")),
    (r"params.a = 'C:\'", Comparison("param", "a", "=", "C:\\")),
    ("params.a = ''", Comparison("param", "a", "=", "")),
    ("params.a\n=\t'x'  ", Comparison("param", "a", "=", "x")),
    ("params.1a = 'x'", Comparison("param", "1a", "=", "x")),
    ("tags.mlflow.user = 'me'", Comparison("tag", "mlflow.user", "=", "me")),
    ("tag.`a.b c` IS NULL", Comparison("tag", "a.b c", "IS NULL", None)),
    ("params.lr is  not null", Comparison("param", "lr", "IS NOT NULL", None)),
    ("tags.created = 'x'", Comparison("tag", "created", "=", "x")),
    ("tags.ключ = 'ö'", Comparison("tag", "ключ", "=", "ö")),
    ("status = 'FINISHED'", Comparison("attribute", "status", "=", "FINISHED")),
    ("attributes.artifact_uri LIKE 's3%'", Comparison("attribute", "artifact_uri", "LIKE", "s3%")),
    ("attr.user_id = 'me'", Comparison("attribute", "user_id", "=", "me")),
    ("run.end_time > 5", Comparison("attribute", "end_time", ">", 5)),
    ("created >= 5.5", Comparison("attribute", "start_time", ">=", 5.5)),
    ("attribute.Created < -3", Comparison("attribute", "start_time", "<", -3)),
    ("`run name` = 'x'", Comparison("attribute", "run_name", "=", "x")),
    ("attribute.\"Run name\" = 'x'", Comparison("attribute", "run_name", "=", "x")),
    ("run_id IN ('a','b')", Comparison("attribute", "run_id", "IN", ("a", "b"))),
    ("attribute.run_id not in(\"a\", 'b',)", Comparison("attribute", "run_id", "NOT IN", ("a", "b"))),
    (r"run_id IN ('a\'b', 'c\\d', '\d')", Comparison("attribute", "run_id", "IN", ("a'b", "c\\d", "\\d"))),
    ("dataset.name = 'd'", Comparison("dataset", "name", "=", "d")),
    ("datasets.digest IN ('a')", Comparison("dataset", "digest", "IN", ("a",))),
    ("dataset.context ilike 'train'", Comparison("dataset", "context", "ILIKE", "train")),
    ("start_time = 9223372036854775807", Comparison("attribute", "start_time", "=", 2**63 - 1)),
]

BAD = [
    ("   ", "Could not be parsed"),
    (";", "Invalid clause(s) in filter string: ';'"),
    ("metrics.a > 1; metrics.b > 2", "Search filter contained multiple expression"),
    ("metrics.a > 1 OR metrics.b > 2", "Invalid clause(s) in filter string: 'OR'"),
    ("metrics.a > 1 NAND metrics.b > 2", "Invalid clause(s) in filter string: 'NAND'"),
    ("metrics.a > 1 AND (params.b = 'x')", "Invalid clause(s) in filter string"),
    ("metrics.a > 1, metrics.b > 2", "Invalid clause(s) in filter string: ','"),
    ("`metrics.a > 1", "Invalid clause(s) in filter string"),
    ("params.a = 'x", "Invalid clause(s) in filter string"),
    ("params.a = x'", "Invalid clause(s) in filter string"),
    ("params.a = \"x'", "Invalid clause(s) in filter string"),
    ("params.a = = 'x'", "Invalid clause(s) in filter string"),
    ("params.a 'x' =", "Invalid clause(s) in filter string"),
    ("params.a", "Invalid clause(s) in filter string"),
    ("params.a-b = 'x'", "Invalid clause(s) in filter string: 'params.a', '-'"),
    ("params.a = 'x' -- 'y'", "Invalid clause(s) in filter string"),
    ("params.a = 'x' 'y'", "Invalid clause(s) in filter string"),
    ("status = true", "Invalid clause(s) in filter string"),
    ("status IS 'x'", "Invalid clause(s) in filter string"),
    ("run_id IN 'a'", "Invalid clause(s) in filter string"),
    ("run_id IN ('a'", "Invalid clause(s) in filter string"),
    ("metrics.a > - 1", "Invalid clause(s) in filter string"),
    ("1 = 1", "Invalid comparison clause. Expected 'Identifier' found '1'"),
    ("'a' = 'b'", "Invalid comparison clause. Expected 'Identifier' found"),
    ("METRICS.a > 1", "Invalid entity type 'METRICS'. Valid values are ['metric', 'parameter'"),
    ("`metrics.a` > 1", "Invalid entity type"),
    ('"metrics".a > 1', "Invalid entity type"),
    ("acc > 1", "Invalid attribute key 'acc' specified. Valid keys are"),
    ("attribute.lifecycle_stage = 'active'", "Invalid attribute key"),
    ("attribute.experiment_id = '1'", "Invalid attribute key"),
    ("dataset.profile = 'x'", "Invalid dataset key 'profile' specified. Valid keys are"),
    ("metrics.a = '5'", "Expected numeric value type for metric. Found '5'"),
    ("metrics.a IN (1)", "Expected numeric value type for metric. Found (1)"),
    ("metrics.a = metrics.b", "Expected numeric value type for metric. Found metrics.b"),
    ("metrics.a LIKE 1", "Invalid comparator 'LIKE' not one of"),
    ("metrics.a ~ 1", "Invalid comparator '~' not one of"),
    ("metrics.a > 1e999", "out of range"),
    ("params.a = 5", "Expected a quoted string value for parameter"),
    ("params.a = NULL", "Expected a quoted string value for parameter"),
    ("params.a IN ('x')", "Expected a quoted string value for parameter"),
    ("params.a = x", "Parameter value is either not quoted or unidentified quote types"),
    ("tags.a = `x`", "Parameter value is either not quoted or unidentified quote types"),
    ("tags.a = 5", "Expected a quoted string value for tag"),
    ("tags.a > 'x'", "Invalid comparator '>' not one of"),
    ("tags.a NOT LIKE 'x'", "Invalid comparator 'NOT LIKE' not one of"),
    ("tags.a RLIKE 'x'", "Invalid comparator 'RLIKE' not one of"),
    ("params.a == 'x'", "Invalid comparator '==' not one of"),
    ("params.a <> 'x'", "Invalid comparator '<>' not one of"),
    ("status = 1", "Expected a quoted string value for attributes. Got value 1"),
    ("status > 'x'", "Invalid comparator '>' not one of"),
    ("status IN ('x')", "Only ['run_id'] attributes support comparison with a list"),
    ("start_time = 'x'", "Expected numeric value type for numeric attribute: start_time. Found 'x'"),
    ("start_time LIKE 5", "Invalid comparator 'LIKE'"),
    ("start_time > 9223372036854775808", "out of range"),
    (f"start_time > {'9' * 4000}", "out of range"),
    ("run_id = ('a')", "Expected a quoted string value"),
    ("run_id IN ()", "expected a non-empty list of string values, but got empty list"),
    ("run_id IN (1, 2)", "got different type in list"),
    ("run_id IN (a)", "ill-formed list"),
    ("run_id IN ('a' 'b')", "ill-formed list"),
    ("run_id IN ('a''b')", "ill-formed list"),
    ("run_id IN ('a',,)", "ill-formed list"),
    ("run_id IN (\"a\".b)", "ill-formed list"),
    ("run_id IN ('a\nb')", "ill-formed list"),
    ("dataset.name = 5", "Expected a quoted string value for dataset attributes"),
    ("dataset.name > 'x'", "Invalid comparator '>'"),
    ("metrics.a IS NULL", "IS NULL / IS NOT NULL is only supported for tags and params"),
    ("status IS NOT NULL", "IS NULL / IS NOT NULL is only supported for tags and params"),
    ("params.a = '\0'", "NUL"),
    ("params.a = '\ud800'", "not valid Unicode"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_one_clause(text: str, expected: Comparison) -> None:
    (found,) = parse_run_filter(text)
    assert found == expected
    assert type(found.value) is type(expected.value)


@pytest.mark.parametrize(("text", "message"), BAD)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_run_filter(text)
    assert message in caught.value.message
    assert caught.value.field == "filter"
    assert len(caught.value.message) < 1000


@pytest.mark.parametrize("text", [None, "", "AND"])
def test_nothing_asked(text: str | None) -> None:
    assert parse_run_filter(text) == ()


@pytest.mark.parametrize("joint", [" AND ", " and ", "\nAnd\t", " "])
def test_clauses_are_joined(joint: str) -> None:
    found = parse_run_filter(joint.join(["params.a = 'x'", "tags.b IS NULL", "run_id IN ('r')", "metrics.c > 1e5"]))
    assert [(each.kind, each.key) for each in found] == [
        ("param", "a"),
        ("tag", "b"),
        ("attribute", "run_id"),
        ("metric", "c"),
    ]


def test_and_may_touch_what_it_joins() -> None:
    found = parse_run_filter("params.a = 'x'AND metrics.b > 1e5and run_id IN ('r')AND tags.c IS NULL")
    assert [each.key for each in found] == ["a", "b", "run_id", "c"]


def test_caps() -> None:
    fifty = " AND ".join(["metrics.a > 1"] * 50)
    assert len(parse_run_filter(fifty)) == 50
    with pytest.raises(BadInput, match="more than 50 clauses"):
        parse_run_filter(fifty + " AND metrics.a > 1")
    with pytest.raises(BadInput, match="longer than 4096 bytes"):
        parse_run_filter(f"params.a = '{'ä' * 2048}'")
    ids = tuple(f"{number:032x}" for number in range(1000))
    (found,) = parse_run_filter(f"run_id IN ({', '.join(repr(each) for each in ids)})")
    assert found.value == ids
    with pytest.raises(BadInput, match="longer than 65536 bytes"):
        parse_run_filter(f"run_id IN ('{'a' * 65536}')")
