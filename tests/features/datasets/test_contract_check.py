"""Each rule finds exactly the rows that break it, and says which."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.features.datasets import bring_to_types
from stellwerk.features.datasets.contract_check import blocking_words, check
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.odcs import parse_contract


def report(columns: dict[str, list[Any]], properties: str, quality: str = "", known: tuple[str, ...] = ()) -> Any:
    text = ("kind: DataContract\napiVersion: v3.1.0\nschema:\n  - name: t\n" + quality + "    properties:\n"
            + "".join(f"      - {line}\n" for line in properties.splitlines()))
    contract = parse_contract(text, "c.yaml")
    return check(bring_to_types(pl.DataFrame(columns, strict=False), contract), contract, known)


def broken(found: Any) -> dict[str, list[Any]]:
    return {entry["rule"]: [each["row"] for each in entry["examples"]] for entry in found["rules"] if entry["failing"]}


@pytest.mark.parametrize(("values", "options", "rule", "rows"), [
    (["1", None, "3"], "logicalType: integer, required: true", "required", [2]),
    (["1", None, "3"], "logicalType: integer, primaryKey: true", "required", [2]),
    (["a", "b", "a", None], "logicalType: string, unique: true", "unique", [1, 3]),
    (["1", "5", None], "logicalType: integer, logicalTypeOptions: {minimum: 2}", "minimum", [1]),
    (["1.5", "5", None], "logicalType: number, logicalTypeOptions: {maximum: 2}", "maximum", [2]),
    (["ab", "abcd", ""], "logicalType: string, logicalTypeOptions: {minLength: 1}", "minLength", [3]),
    (["äöü", "abcd", None], "logicalType: string, logicalTypeOptions: {maxLength: 3}", "maxLength", [2]),
    (["a1", "a1x", None], "logicalType: string, logicalTypeOptions: {pattern: 'a\\d'}", "pattern", [2]),
    (["yes", "no", None], "logicalType: string, enum: [yes]", "enum", [2]),
    (["1", "2", None], "logicalType: number, enum: [1, 3]", "enum", [2]),
    (["2024-01-01", "2024-01-02"], "logicalType: date, enum: [{value: '2024-01-01'}]", "enum", [2]),
    (["1", "2", "2.5"], "logicalType: number, enum: [{value: 1}, {value: 2.5}]", "enum", [2]),
    (["x", "2"], "logicalType: integer", "type", [1]),
])
def test_each_rule_names_its_rows(values: list[Any], options: str, rule: str, rows: list[int]) -> None:
    found = report({"a": values}, "{name: a, " + options + "}")
    assert broken(found) == {rule: rows}
    assert (found["verdict"], found["rows"]) == ("fail", len(values))
    assert "a: " in blocking_words(found)
    assert f"row {rows[0]}" in blocking_words(found)


@pytest.mark.parametrize(("kind", "values", "rule", "rows"), [
    ("integer", ["1", "9"], "type: custom, engine: stellwerk, implementation: {between: [0, 5]}", [2]),
    ("string", ["x", "y", None], "metric: invalidValues, mustBe: 0, arguments: {validValues: [x]}", [2]),
    ("number", ["1", "2"], "metric: invalidValues, mustBe: 0, arguments: {validValues: [1]}", [2]),
    ("string", ["x", "y"], "metric: invalidValues, mustBe: 0, arguments: {pattern: '^x$'}", [2]),
    ("string", ["x", None], "metric: nullValues, mustBe: 0", [2]),
    ("string", ["x", "unknown", None], "metric: missingValues, mustBe: 0, arguments: {missingValues: [unknown]}", [2, 3]),
    ("string", ["x", "y", "x"], "metric: duplicateValues, mustBe: 0", [1, 3]),
])
def test_quality_rules_warn_or_block(kind: str, values: list[Any], rule: str, rows: list[int]) -> None:
    for severity, verdict in (("warning", "warn"), ("error", "fail")):
        found = report({"a": values}, f"{{name: a, logicalType: {kind}, quality: [{{name: q, severity: {severity}, {rule}}}]}}")
        assert broken(found) == {"q": rows}
        assert found["verdict"] == verdict


@pytest.mark.parametrize(("rule", "holds"), [
    ("metric: rowCount, mustBe: 4", True), ("metric: rowCount, mustBeGreaterThan: 4", False),
    ("metric: rowCount, mustBeBetween: [1, 4]", True), ("metric: rowCount, mustNotBeBetween: [1, 4]", False),
    ("metric: rowCount, mustNotBe: 4", False), ("metric: rowCount, mustBeLessOrEqualTo: 3", False),
    ("metric: rowCount, mustBeGreaterOrEqualTo: 4, mustBeLessThan: 5", True),
    ("metric: duplicateValues, mustBe: 0, arguments: {properties: [a, b]}", False),
    ("metric: duplicateValues, mustBe: 2, arguments: {properties: [a, b, nowhere]}", True),
])
def test_rules_about_the_table(rule: str, holds: bool) -> None:
    found = report({"a": ["1", "1", "2", None], "b": ["x", "x", "x", "y"]},
                   "{name: a, logicalType: integer}\n{name: b, logicalType: string}",
                   f"    quality: [{{name: q, {rule}}}]\n")
    assert (found["verdict"] == "pass") == holds


@pytest.mark.parametrize(("bound", "holds"), [
    ("mustBeLessThan: 2", True), ("mustBeLessThan: 1", False), ("unit: percent, mustBeLessOrEqualTo: 25", True),
    ("unit: percent, mustBeLessThan: 25", False)])
def test_bounds_on_how_many(bound: str, holds: bool) -> None:
    found = report({"a": ["1", None, "2", "3"]}, "{name: a, logicalType: integer, quality: [{metric: nullValues, "
                   + bound + "}]}")
    assert (found["verdict"] == "pass") == holds


def test_columns_that_lack_or_are_too_many() -> None:
    found = report({"a": ["1"], "z": ["1"]}, "{name: a, logicalType: integer}\n{name: b, logicalType: integer}")
    assert found["verdict"] == "fail"
    assert "b: the column is missing" in blocking_words(found)
    assert any("left out: z" in entry["words"] for entry in found["rules"])
    assert report({"a": ["1"], "z": ["1"]}, "{name: a, logicalType: integer}")["verdict"] == "warn"


def test_columns_that_must_be_known_whatever_the_contract_says() -> None:
    assert report({"a": ["1", None]}, "{name: a, logicalType: integer}")["verdict"] == "pass"
    assert report({"a": ["1", None]}, "{name: a, logicalType: integer}", known=("a",))["verdict"] == "fail"


def test_long_values_are_shown_from_their_beginning() -> None:
    found = report({"a": ["x" * 10_000]}, "{name: a, logicalType: string, enum: [{value: y}]}")
    assert found["rules"][1]["examples"] == [{"row": 1, "value": "x" * 200}]


def test_a_column_may_be_called_row() -> None:
    assert broken(report({"row": ["1", None]}, "{name: row, logicalType: integer, required: true}")) == {
        "required": [2]}


def test_a_pattern_too_large_is_a_message() -> None:
    with pytest.raises(BadInput, match="cannot be computed"):
        report({"a": ["x"]}, "{name: a, logicalType: string, logicalTypeOptions: {pattern: '\\w{900}'}}")


@settings(max_examples=80, deadline=None)
@given(values=st.lists(st.one_of(st.none(), st.integers(-50, 50)), min_size=1, max_size=30),
       low=st.integers(-40, 0), high=st.integers(1, 40))
def test_counts_agree_with_plain_python(values: list[int | None], low: int, high: int) -> None:
    found = report({"a": pl.Series(values, dtype=pl.Int64)}, f"{{name: a, logicalType: integer, required: true, "
                   f"unique: true, logicalTypeOptions: {{minimum: {low}, maximum: {high}}}}}")
    known = [value for value in values if value is not None]
    assert {entry["rule"]: entry["failing"] for entry in found["rules"]} == {
        "type": 0, "required": len(values) - len(known), "unique": sum(known.count(value) > 1 for value in known),
        "minimum": sum(value < low for value in known), "maximum": sum(value > high for value in known)}
