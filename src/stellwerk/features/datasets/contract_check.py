"""Checking a table against its contract in one query: which rule, which column, how many rows, which ones."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from stellwerk.features.datasets.typing import UNTYPED, Typed
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.odcs import Contract, Property, Quality

_EXAMPLES = 5
_NAMED_VALUES = 20
_SHOWN = 200
_A_TYPE = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
           "date": "a date", "timestamp": "a date with time"}


@dataclass(frozen=True)
class RowRule:
    """A rule that each row keeps or breaks; ``breaks`` is true where it is broken."""

    rule: str
    column: str
    severity: str
    words: str
    breaks: pl.Expr
    shown: str


def check(typed: Typed, contract: Contract, known: Sequence[str] = ()) -> dict[str, Any]:
    """Return the quality report of a table: verdict (pass, warn, fail), rows, and every rule with what it found.

    ``known`` names columns that must be known in each row whatever the contract says (target, subject). Rows are
    counted from 1, the header not included.
    """
    rules = _row_rules(typed, contract, known)
    entries = [_absent(name) for name in typed.missing_columns] + _counted(typed.frame, rules)
    entries += [_table_rule(rule, typed.frame, contract) for rule in contract.quality if _of_table(rule)]
    if typed.extra_columns:
        entries.append({"rule": "columns of the contract", "column": None, "severity": "warning",
                        "failing": len(typed.extra_columns), "words": "columns that the contract does not name are "
                        "left out: " + ", ".join(typed.extra_columns[:_NAMED_VALUES]), "examples": []})
    broken = {entry["severity"] for entry in entries if entry["failing"]}
    verdict = "fail" if "error" in broken else "warn" if broken else "pass"
    return {"verdict": verdict, "rows": typed.frame.height, "rules": entries,
            "broken": sum(1 for entry in entries if entry["failing"])}


def blocking_words(report: dict[str, Any]) -> str:
    """Return in one sentence what keeps the data from being used."""
    broken = [entry for entry in report["rules"] if entry["failing"] and entry["severity"] == "error"]
    return "; ".join(_sentence(entry) for entry in broken[:5]) + (
        f"; and {len(broken) - 5} more rules" if len(broken) > 5 else "")


def _sentence(entry: dict[str, Any]) -> str:
    where = f"{entry['column']}: " if entry["column"] else ""
    first = entry["examples"][0] if entry["examples"] else None
    example = f" (row {first['row']}: {first['value']!r})" if first else ""
    return f"{where}{entry['words']}, broken by {entry['failing']} rows{example}"


def _absent(name: str) -> dict[str, Any]:
    return {"rule": "column is there", "column": name, "severity": "error", "failing": 1,
            "words": "the column is missing", "examples": []}


def _row_rules(typed: Typed, contract: Contract, known: Sequence[str]) -> list[RowRule]:
    rules: list[RowRule] = []
    for entry in contract.properties:
        if entry.name in typed.missing_columns:
            continue
        rules += _type_rule(typed, entry) + _property_rules(entry, entry.name in known)
    rules += [rule for quality in contract.quality for rule in _quality_rule(quality, typed, contract)]
    return rules


def _type_rule(typed: Typed, entry: Property) -> list[RowRule]:
    shown = UNTYPED + entry.name
    breaks = pl.col(shown).is_not_null() if entry.name in typed.misfits else pl.lit(False)
    return [RowRule("type", entry.name, "error", f"each value is {_A_TYPE[entry.type]}", breaks,
                    shown if entry.name in typed.misfits else entry.name)]


def _property_rules(entry: Property, must_be_known: bool) -> list[RowRule]:
    column, name = pl.col(entry.name), entry.name
    rules: list[RowRule] = []

    def add(rule: str, words: str, breaks: pl.Expr) -> None:
        rules.append(RowRule(rule, name, "error", words, breaks.fill_null(False), name))

    if entry.required or entry.primary_key or must_be_known:
        add("required", "each value is known", column.is_null())
    if entry.unique or entry.primary_key:
        add("unique", "each value stands once", column.is_duplicated() & column.is_not_null())
    if entry.minimum is not None:
        add("minimum", f"at least {entry.minimum:g}", column < entry.minimum)
    if entry.maximum is not None:
        add("maximum", f"at most {entry.maximum:g}", column > entry.maximum)
    if entry.min_length is not None:
        add("minLength", f"at least {entry.min_length} characters", column.str.len_chars() < entry.min_length)
    if entry.max_length is not None:
        add("maxLength", f"at most {entry.max_length} characters", column.str.len_chars() > entry.max_length)
    if entry.pattern is not None:
        add("pattern", f"matches {entry.pattern}", ~column.str.contains(f"^(?:{entry.pattern})$"))
    if entry.enum is not None:
        add("enum", "one of " + ", ".join(map(str, entry.enum[:_NAMED_VALUES])),
            ~_one_of(entry.name, entry.enum, entry.type))
    return rules


def _one_of(name: str, values: Sequence[Any], kind: str) -> pl.Expr:
    if kind in ("integer", "number"):
        # As numbers, since the texts 1 and 1.0 differ.
        numbers = [float(value) for value in values if isinstance(value, (int, float))]
        return pl.col(name).cast(pl.Float64).is_in(numbers)
    return pl.col(name).cast(pl.String).is_in([_as_text(value) for value in values])


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_table(quality: Quality) -> bool:
    return (quality.column is None and quality.metric in ("rowCount", "duplicateValues")) or _counts_rows(quality)


def _counts_rows(quality: Quality) -> bool:
    # A bound other than "must be 0" is about the count as a whole, not about single rows.
    return quality.metric in ("nullValues", "missingValues", "invalidValues", "duplicateValues") and (
        quality.bounds != {"mustBe": 0} or quality.percent)


def _breaking(quality: Quality, contract: Contract) -> pl.Expr:
    name = quality.column or ""
    column, kind = pl.col(name), contract.column(name).type
    if quality.metric == "between":
        low, high = (float(bound) for bound in quality.arguments["between"])
        return (column < low).or_(column > high)
    if quality.metric in ("nullValues", "missingValues"):
        missing = quality.arguments.get("missingValues") if quality.metric == "missingValues" else None
        return column.is_null() if missing is None else column.is_null().or_(
            _one_of(name, missing, kind).fill_null(False))
    if quality.metric == "duplicateValues":
        return column.is_duplicated() & column.is_not_null()
    values = quality.arguments.get("validValues")
    if values is not None:
        return ~_one_of(name, values, kind)
    return ~column.cast(pl.String).str.contains(str(quality.arguments.get("pattern", "")))


def _quality_rule(quality: Quality, typed: Typed, contract: Contract) -> list[RowRule]:
    if quality.column is None or quality.column in typed.missing_columns or quality.metric == "text" or (
            _of_table(quality)):
        return []
    return [RowRule(quality.name, quality.column, quality.severity, quality.description or _quality_words(quality),
                    _breaking(quality, contract).fill_null(False), quality.column)]


def _quality_words(quality: Quality) -> str:
    if quality.metric == "between":
        low, high = quality.arguments["between"]
        return f"between {low:g} and {high:g}"
    if quality.metric == "invalidValues" and "validValues" in quality.arguments:
        return "one of " + ", ".join(map(str, quality.arguments["validValues"][:_NAMED_VALUES]))
    return {"nullValues": "each value is known", "missingValues": "each value is known",
            "duplicateValues": "each value stands once"}.get(quality.metric, "each value is valid")


def _counted(frame: pl.DataFrame, rules: Sequence[RowRule]) -> list[dict[str, Any]]:
    if frame.width == 0 or not rules:
        return []
    try:
        counts = frame.lazy().select(
            rule.breaks.cast(pl.UInt32).sum().alias(str(index)) for index, rule in enumerate(rules)).collect().row(0)
    except pl.exceptions.ComputeError as error:
        # A pattern that is too large, for example.
        raise BadInput(f"A rule of the contract cannot be computed: {str(error).splitlines()[0][:300]}",
                       field="contract") from None
    if frame.height:
        literal = [index for index, rule in enumerate(rules)
                   if rule.rule == "type" and not rule.shown.startswith(UNTYPED)]
        counts = tuple(0 if index in literal else count for index, count in enumerate(counts))
    return [{"rule": rule.rule, "column": rule.column, "severity": rule.severity, "failing": int(count or 0),
             "words": rule.words, "examples": _examples(frame, rule) if count else []}
            for rule, count in zip(rules, counts, strict=True)]


def _examples(frame: pl.DataFrame, rule: RowRule) -> list[dict[str, Any]]:
    number = "row"
    while number in frame.columns:
        number += "_"
    rows = (frame.lazy().with_row_index(number, offset=1).filter(rule.breaks).head(_EXAMPLES)
            .select(number, rule.shown).collect())
    return [{"row": row, "value": value if value is None or isinstance(value, (int, float, bool)) else
             str(value)[:_SHOWN]} for row, value in rows.iter_rows()]


def _table_rule(quality: Quality, frame: pl.DataFrame, contract: Contract) -> dict[str, Any]:
    value = _measured(quality, frame, contract)
    failing = 0 if _holds(value, quality.bounds) else 1
    bound = ", ".join(f"{name} {limit}" for name, limit in quality.bounds.items())
    unit = " %" if quality.percent else ""
    return {"rule": quality.name, "column": quality.column, "severity": quality.severity, "failing": failing,
            "words": f"{quality.metric} is {value:g}{unit}; {bound}", "examples": []}


def _measured(quality: Quality, frame: pl.DataFrame, contract: Contract) -> float:
    if quality.metric == "rowCount":
        return float(frame.height)
    if quality.column is None:
        asked = quality.arguments.get("properties") or contract.columns
        names = [name for name in asked if name in frame.columns]
        count = float(frame.select(names).is_duplicated().sum())
    elif quality.column not in frame.columns:
        return float(frame.height)
    else:
        count = float(frame.select(_breaking(quality, contract).fill_null(False).sum()).item())
    return count / max(frame.height, 1) * 100 if quality.percent else count


def _holds(value: float, bounds: dict[str, Any]) -> bool:
    return all(_keeps(value, name, limit) for name, limit in bounds.items())


def _keeps(value: float, bound: str, limit: Any) -> bool:
    if bound in ("mustBeBetween", "mustNotBeBetween"):
        inside: bool = limit[0] <= value <= limit[1]
        return inside == (bound == "mustBeBetween")
    compare = {"mustBe": operator.eq, "mustNotBe": operator.ne, "mustBeGreaterThan": operator.gt,
               "mustBeGreaterOrEqualTo": operator.ge, "mustBeLessThan": operator.lt,
               "mustBeLessOrEqualTo": operator.le}[bound]
    return bool(compare(value, limit))
