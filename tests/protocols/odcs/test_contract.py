"""The parts of a data contract that act are read; every fault is named with its line and the nearest name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.odcs import parse_contract

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/mortgage-decisions/contracts/applications.odcs.yaml"
PLAIN = """apiVersion: v3.1.0
kind: DataContract
id: people
version: 2.0.0
status: active
schema:
  - name: people
    quality:
      - {name: enough, type: library, metric: rowCount, mustBeGreaterThan: 3}
    properties:
      - {name: who, logicalType: string, primaryKey: true, logicalTypeOptions: {maxLength: 9, pattern: "[a-z]+"}}
      - name: income
        logicalType: number
        required: true
        logicalTypeOptions: {minimum: 0, maximum: 1000}
        customProperties: [{property: unit, value: EUR}]
        quality:
          - {type: custom, engine: stellwerk, severity: warning, implementation: {between: [1, 9]}}
          - {type: text, description: Before tax.}
      - {name: plan, logicalType: string, enum: [{value: a}, b], quality: [
          {metric: invalidValues, mustBe: 0, severity: warning, arguments: {validValues: [a]}}]}
"""


def faults(old: str, new: str) -> list[dict[str, Any]]:
    assert PLAIN.count(old) == 1
    with pytest.raises(BadInput) as caught:
        parse_contract(PLAIN.replace(old, new), "people.odcs.yaml")
    found: list[dict[str, Any]] = caught.value.details
    assert caught.value.message.startswith(f"people.odcs.yaml, line {found[0]['line']}: ")
    return found


def test_what_a_contract_says() -> None:
    contract = parse_contract(PLAIN, "people.odcs.yaml")
    assert (contract.name, contract.version, contract.columns) == ("people", "2.0.0", ("who", "income", "plan"))
    who, income, plan = contract.properties
    assert (who.primary_key, who.max_length, who.pattern) == (True, 9, "[a-z]+")
    assert (income.required, income.minimum, income.maximum, income.unit) == (True, 0.0, 1000.0, "EUR")
    assert plan.enum == ("a", "b")
    assert [(rule.column, rule.metric, rule.severity) for rule in contract.quality] == [
        ("income", "between", "warning"), ("income", "text", "error"), ("plan", "invalidValues", "warning"),
        (None, "rowCount", "error")]
    with pytest.raises(KeyError):
        contract.column("nowhere")


def test_the_example_is_read() -> None:
    contract = parse_contract(EXAMPLE.read_text(encoding="utf-8"), EXAMPLE.name)
    assert len(contract.columns) == 15
    assert contract.column("unemployment").unit == "percent"


@pytest.mark.parametrize(("old", "new", "line", "field", "hint"), [
    ("kind: DataContract", "kind: DataContrakt", 2, "kind", "Did you mean DataContract?"),
    ("kind: DataContract\n", "", 1, "kind", None),
    ("apiVersion: v3.1.0", "apiVersion: v2.2.2", 1, "apiVersion", None),
    ("status: active", "statuss: active", 5, "statuss", "Did you mean status?"),
    ("schema:", "schema:\n  - {name: other, properties: [{name: a, logicalType: string}]}", 7, "schema", None),
    ("  - name: people\n", "  - nam: people\n", 7, "schema[0].name", None),
    ("name: who, ", "", 11, "schema[0].properties[0].name", None),
    ("name: plan", "name: Who", 20, "schema[0].properties[2].name", None),
    ("name: plan", "name: who", 20, "schema[0].properties[2].name", None),
    ("logicalType: number", "logicalType: numbr", 13, "schema[0].properties[1].logicalType", "Did you mean number?"),
    ("        logicalType: number\n", "", 12, "schema[0].properties[1].logicalType", None),
    ("required: true", "requird: true", 14, "schema[0].properties[1].requird", "Did you mean required?"),
    ("required: true", "required: yes", 14, "schema[0].properties[1].required", None),
    ("{minimum: 0,", "{minimun: 0,", 15, "schema[0].properties[1].logicalTypeOptions.minimun", "Did you mean minimum?"),
    ("maximum: 1000", "maximum: much", 15, "schema[0].properties[1].logicalTypeOptions.maximum", None),
    ("maxLength: 9", "maximum: 9", 11, "schema[0].properties[0].logicalTypeOptions.maximum", None),
    ("maxLength: 9", "maxLength: -1", 11, "schema[0].properties[0].logicalTypeOptions.maxLength", None),
    ('"[a-z]+"', '"[a-z"', 11, "schema[0].properties[0].logicalTypeOptions.pattern", None),
    ('"[a-z]+"', '"(?!x)a"', 11, "schema[0].properties[0].logicalTypeOptions.pattern", None),
    ("[{value: a}, b]", "[{value: a}, 1]", 20, "schema[0].properties[2].enum", None),
    ("[{value: a}, b]", "[{label: a}]", 20, "schema[0].properties[2].enum", None),
    ("logicalTypeOptions: {minimum: 0, maximum: 1000}", "enum: [{value: low}]", 15, "schema[0].properties[1].enum", None),
    ("[{value: a}, b]", "a", 20, "schema[0].properties[2].enum", None),
    ("metric: rowCount", "metric: rowsCount", 9, "schema[0].quality[0].metric", "Did you mean rowCount?"),
    ("metric: rowCount", "metric: nullValues", 9, "schema[0].quality[0].metric", None),
    ("mustBeGreaterThan: 3", "mustBeGraterThan: 3", 9, "schema[0].quality[0].mustBeGraterThan",
     "Did you mean mustBeGreaterThan?"),
    ("mustBeGreaterThan: 3", "mustBeGreaterThan: many", 9, "schema[0].quality[0].mustBeGreaterThan", None),
    ("mustBeGreaterThan: 3", "mustBeBetween: 3", 9, "schema[0].quality[0].mustBeBetween", None),
    ("metric: rowCount", "rule: rowCount", 9, "schema[0].quality[0].rule", None),
    ("{minimum: 0,", "{multipleOf: 5, minimum: 0,", 15, "schema[0].properties[1].logicalTypeOptions.multipleOf", None),
    ("type: library, ", "type: libary, ", 9, "schema[0].quality[0].type", "Did you mean library?"),
    ("engine: stellwerk", "engine: soda", 18, "schema[0].properties[1].quality[0].engine", None),
    ("severity: warning, implementation", "severity: warn, implementation", 18,
     "schema[0].properties[1].quality[0].severity", "Did you mean warning?"),
    ("between: [1, 9]", "between: [9, 1]", 18, "schema[0].properties[1].quality[0].implementation", None),
    ("metric: invalidValues", "metric: rowCount", 21, "schema[0].properties[2].quality[0].metric", None),
    ("{validValues: [a]}", "{validValue: [a]}", 21, "schema[0].properties[2].quality[0].arguments", None),
    ("{validValues: [a]}", "{validValues: a}", 21, "schema[0].properties[2].quality[0].arguments", None),
    ("{validValues: [a]}", "{pattern: '('}", 21, "schema[0].properties[2].quality[0].arguments", None),
    ("{validValues: [a]}", "{missingValues: [a]}", 21, "schema[0].properties[2].quality[0].arguments", None),
])
def test_every_fault_names_line_and_nearest_name(old: str, new: str, line: int, field: str, hint: str | None) -> None:
    found = next(fault for fault in faults(old, new) if fault["field"] == field)
    assert found["line"] == line
    assert found.get("hint") == hint
    assert found.get("allowed") or "twice" in found["message"] or "expression" in found["message"]


def test_a_range_needs_numbers() -> None:
    found = faults("{metric: invalidValues, mustBe: 0, severity: warning, arguments: {validValues: [a]}}",
                   "{type: custom, engine: stellwerk, implementation: {between: [1, 2]}}")
    assert found[0]["allowed"] == "a column of numbers"


def test_a_table_without_columns() -> None:
    with pytest.raises(BadInput, match="names no column"):
        parse_contract("apiVersion: v3.1.0\nkind: DataContract\nschema: [{name: t}]", "c")


def test_people_prices_and_servers_are_left_alone() -> None:
    more = "team: {members: [{username: a}]}\nservers: [{server: x, type: local}]\nprice: {priceAmount: 1}\n"
    assert parse_contract(PLAIN + more, "c").columns == ("who", "income", "plan")


def test_words_of_version_3_2_that_change_no_data_are_left_alone() -> None:
    text = PLAIN.replace("v3.1.0", "v3.2.0").replace("required: true", "required: true\n        deprecated: false\n"
                         "        synonyms: [{value: pay}]\n        semanticType: column") + "context: For people.\n"
    assert parse_contract(text, "c").column("income").required
