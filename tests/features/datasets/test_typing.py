"""Text becomes the contract's types, and what does not fit is kept as found."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.features.datasets import UNTYPED, bring_to_types
from stellwerk.features.datasets.typing import KINDS
from stellwerk.protocols.odcs import Contract, parse_contract


def contract(**types: str) -> Contract:
    columns = "".join(f"      - {{name: {name}, logicalType: {kind}}}\n" for name, kind in types.items())
    return parse_contract("kind: DataContract\napiVersion: v3.1.0\nschema:\n  - name: t\n    properties:\n" + columns,
                          "c.yaml")


@pytest.mark.parametrize(("kind", "text", "value"), [
    ("number", "1.5", 1.5), ("number", " -2,25 ", -2.25), ("number", "1.234,5", 1234.5), ("number", "1e3", 1000.0),
    ("number", "1.234", 1.234), ("integer", "7", 7), ("integer", "7.0", 7), ("integer", "7,0", 7),
    ("integer", "9007199254740993", 9007199254740993), ("integer", "-3", -3), ("boolean", "Yes", True),
    ("boolean", "nein", False), ("boolean", "1", True), ("boolean", "FALSE", False), ("string", " x ", " x "),
    ("string", "NA", "NA"), ("date", "2024-02-29", date(2024, 2, 29)), ("date", "29.02.2024", date(2024, 2, 29)),
    ("timestamp", "2024-02-29 10:11:12", datetime(2024, 2, 29, 10, 11, 12)),
    ("timestamp", "2024-02-29T10:11:12.5Z", datetime(2024, 2, 29, 10, 11, 12, 500000)),
])
def test_what_fits(kind: str, text: str, value: Any) -> None:
    typed = bring_to_types(pl.DataFrame({"a": [text, None]}), contract(a=kind))
    assert typed.frame["a"].to_list() == [value, None]
    assert typed.misfits == ()


@pytest.mark.parametrize("missing", ["", "NA", "n/a", "NaN", "null", "None", "-", "  "])
@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "date", "timestamp"])
def test_spellings_of_missing(kind: str, missing: str) -> None:
    typed = bring_to_types(pl.DataFrame({"a": [missing]}), contract(a=kind))
    assert typed.frame["a"].to_list() == [None]
    assert typed.misfits == ()


@pytest.mark.parametrize(("kind", "text"), [
    ("number", "abc"), ("number", "1,234,567"), ("number", "inf"), ("integer", "1.5"), ("integer", "99" * 12),
    ("boolean", "maybe"), ("boolean", "2"), ("date", "2023-02-29"), ("date", "12/31/2023"), ("date", "abc"),
    ("timestamp", "abc"), ("timestamp", "2024-01-01 25:00:00"),
])
def test_what_does_not_fit_is_kept_as_found(kind: str, text: str) -> None:
    typed = bring_to_types(pl.DataFrame({"a": [text, None]}), contract(a=kind))
    assert typed.frame["a"].to_list() == [None, None]
    assert typed.misfits == ("a",)
    assert typed.frame[UNTYPED + "a"].to_list() == [text, None]


def test_columns_come_in_the_order_of_the_contract() -> None:
    typed = bring_to_types(pl.DataFrame({"z": ["1"], "b": ["2"], "a": ["3"]}), contract(a="integer", b="string",
                                                                                       c="number"))
    assert typed.frame.columns == ["a", "b"]
    assert (typed.missing_columns, typed.extra_columns) == (("c",), ("z",))


def test_types_of_a_function_are_brought_over() -> None:
    moment = datetime(2024, 1, 1, 12, tzinfo=UTC)
    frame = pl.DataFrame({"a": [1.0, float("nan"), 2.5], "b": [1, 0, 2], "c": [1, 2, 3],
                          "d": pl.Series([moment] * 3).dt.convert_time_zone("Europe/Berlin")})
    typed = bring_to_types(frame, contract(a="integer", b="boolean", c="string", d="timestamp"))
    assert typed.frame["a"].to_list() == [1, None, None]
    assert typed.frame["b"].to_list() == [True, False, None]
    assert typed.frame["c"].to_list() == ["1", "2", "3"]
    assert typed.frame["d"].to_list() == [datetime(2024, 1, 1, 12)] * 3
    assert typed.misfits == ("a", "b")
    assert typed.frame[UNTYPED + "a"].to_list() == [None, None, "2.5"]


TWICE = [date(2024, 1, 1), date(2024, 1, 2)]
@pytest.mark.parametrize(("texts", "values"), [
    (["1,234", "950"], [None, 950.0]), (["1,234", "0,5"], [1.234, 0.5]), (["1,234", "1.234,5"], [1.234, 1234.5]),
    (["1.234", "12,5"], [1234.0, 12.5]), (["1.5", "2,5"], [None, 2.5]), (["1.234", "1.5"], [1.234, 1.5]),
    (["1,234.50", "1"], [None, 1.0]), (["0,125", "-1,250"], [0.125, -1.25]), (["1234,567", "1,000"], [1234.567, 1.0]),
    (["1,234,567", "1,5"], [None, 1.5]), (["1e3", "1,5"], [1000.0, 1.5]),
])
def test_a_comma_is_decimal_only_where_the_column_shows_it(texts: list[str], values: list[float | None]) -> None:
    typed = bring_to_types(pl.DataFrame({"a": texts}), contract(a="number"))
    assert typed.frame["a"].to_list() == values
    assert typed.misfits == (("a",) if None in values else ())


HELD = {
    "list": pl.Series([[1], [2]]), "struct": pl.Series([{"x": 1}, {"x": 2}]), "bytes": pl.Series([b"x", b"\xff"]),
    "span": pl.Series([timedelta(1), timedelta(2)]), "time": pl.Series([time(1), time(2)]),
    "half": pl.Series([Decimal("1.5"), Decimal("2.0")]), "endless": pl.Series([float("inf"), 2.0]),
    "single": pl.Series([0.5, 1.0], dtype=pl.Float32), "wide": pl.Series([2**70, 1], dtype=pl.Int128),
    "category": pl.Series(["x", "1"], dtype=pl.Categorical), "day": pl.Series(TWICE), "truth": pl.Series([True, False]),
    "moment": pl.Series([datetime(2024, 1, 1, 12), datetime(2024, 1, 2)]),
}
KEPT: dict[tuple[str, str], list[Any]] = {
    ("time", "string"): ["01:00:00", "02:00:00"], ("half", "string"): ["1.5", "2.0"], ("half", "number"): [1.5, 2.0],
    ("half", "integer"): [None, 2], ("endless", "string"): ["inf", "2.0"], ("endless", "number"): [None, 2.0],
    ("endless", "integer"): [None, 2], ("single", "string"): ["0.5", "1.0"], ("single", "number"): [0.5, 1.0],
    ("single", "integer"): [None, 1], ("single", "boolean"): [None, True],
    ("wide", "string"): [str(2**70), "1"], ("wide", "number"): [float(2**70), 1.0], ("wide", "integer"): [None, 1],
    ("wide", "boolean"): [None, True], ("category", "string"): ["x", "1"], ("category", "number"): [None, 1.0],
    ("category", "integer"): [None, 1], ("category", "boolean"): [None, True],
    ("day", "string"): ["2024-01-01", "2024-01-02"], ("day", "date"): TWICE,
    ("day", "timestamp"): [datetime(2024, 1, 1), datetime(2024, 1, 2)], ("truth", "string"): ["true", "false"],
    ("truth", "number"): [1.0, 0.0], ("truth", "integer"): [1, 0], ("truth", "boolean"): [True, False],
    ("moment", "string"): ["2024-01-01 12:00:00.000000", "2024-01-02 00:00:00.000000"],
    ("moment", "timestamp"): [datetime(2024, 1, 1, 12), datetime(2024, 1, 2)], ("moment", "date"): [None, TWICE[1]],
}


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean", "date", "timestamp"])
@pytest.mark.parametrize("held", sorted(HELD))
def test_nothing_is_changed_to_fit(held: str, kind: str) -> None:
    typed = bring_to_types(HELD[held].alias("a").to_frame(), contract(a=kind))
    expected = KEPT.get((held, kind), [None, None])
    assert typed.frame["a"].to_list() == expected
    assert typed.frame["a"].dtype == KINDS[kind]
    lost = typed.frame[UNTYPED + "a"].to_list() if typed.misfits else [None, None]
    assert [text is None for text in lost] == [value is not None for value in expected]


def test_a_day_is_that_of_its_own_zone() -> None:
    local = pl.Series("a", [datetime(2024, 1, 1)]).dt.replace_time_zone("Europe/Berlin")
    assert bring_to_types(local.to_frame(), contract(a="date")).frame["a"].to_list() == [date(2024, 1, 1)]


def test_what_is_no_number_is_missing_as_text_too() -> None:
    typed = bring_to_types(pl.DataFrame({"a": [1.5, float("nan")]}), contract(a="string"))
    assert (typed.frame["a"].to_list(), typed.misfits) == (["1.5", None], ())


VALUES = {"number": st.floats(allow_nan=False, allow_infinity=False), "integer": st.integers(-2**63, 2**63 - 1),
          "boolean": st.booleans(), "date": st.dates(date(1700, 1, 1), date(2200, 1, 1))}


@settings(max_examples=150, deadline=None)
@given(data=st.data(), kind=st.sampled_from(sorted(VALUES)))
def test_values_written_as_text_come_back(data: st.DataObject, kind: str) -> None:
    values = data.draw(st.lists(st.one_of(st.none(), VALUES[kind]), min_size=1, max_size=6))
    text = pl.DataFrame({"a": pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)})
    typed = bring_to_types(text, contract(a=kind))
    assert typed.frame["a"].to_list() == values
    assert typed.misfits == ()


@settings(max_examples=150, deadline=None)
@given(values=st.lists(st.one_of(st.none(), st.text(max_size=12)), min_size=1, max_size=6),
       kind=st.sampled_from(["string", "integer", "number", "boolean", "date", "timestamp"]))
def test_any_text_is_typed_or_named(values: list[str | None], kind: str) -> None:
    frame = pl.DataFrame({"a": pl.Series(values, dtype=pl.String)})
    typed = bring_to_types(frame, contract(a=kind))
    lost = typed.frame[UNTYPED + "a"].to_list() if typed.misfits else [None] * len(values)
    for found, made, kept in zip(values, typed.frame["a"].to_list(), lost, strict=True):
        assert kept in (None, found)
        assert made is None or kept is None
        assert made is not None or kept is not None or found is None or found.strip().lower() in (
            "", "na", "n/a", "nan", "null", "none", "-")
