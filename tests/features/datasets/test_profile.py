"""A profile says what a column holds, in figures that agree with numpy, and repeats no single person's text."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.features.datasets.profile import profile
from stellwerk.kernel import canonical_json


def test_each_kind_of_column() -> None:
    made = profile(pl.DataFrame({"n": [1, 2, None, 4], "t": ["a", "b", "a", None], "b": [True, None, True, False],
                                 "d": [date(2024, 1, 2), None, date(2023, 1, 1), None],
                                 "empty": pl.Series([None] * 4, dtype=pl.Float64)}))
    assert made["rows"] == 4
    columns = made["columns"]
    assert {name: (column["missing"], column["distinct"]) for name, column in columns.items()} == {
        "n": (1, 3), "t": (1, 2), "b": (1, 2), "d": (2, 2), "empty": (4, 0)}
    assert (columns["n"]["min"], columns["n"]["max"], sum(columns["n"]["histogram"])) == (1.0, 4.0, 3)
    assert columns["t"]["top"] == [["a", 2], ["b", 1]]
    assert columns["b"]["top"] == [["true", 2], ["false", 1]]
    assert (columns["d"]["min"], columns["d"]["max"]) == ("2023-01-01", "2024-01-02")
    assert columns["empty"] == {"type": "Float64", "missing": 4, "distinct": 0}


@settings(max_examples=100, deadline=None)
@given(values=st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), min_size=1, max_size=40))
def test_figures_agree_with_numpy(values: list[float | None]) -> None:
    column = profile(pl.DataFrame({"a": pl.Series(values, dtype=pl.Float64)}))["columns"]["a"]
    canonical_json.dumps(column)
    known = np.asarray([value for value in values if value is not None])
    if len(known):
        assert column["quantiles"] == pytest.approx(np.quantile(known, [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]).tolist())
        assert sum(column["histogram"]) == len(known)
        assert (column["min"], column["max"]) == (known.min(), known.max())


@pytest.mark.parametrize("values", [[1.7e308, 1.7e308], [1.7e308, -1.7e308], [-1.7e308] * 30 + [1.0]])
def test_the_largest_floats_have_figures_too(values: list[float]) -> None:
    column = profile(pl.DataFrame({"a": values}))["columns"]["a"]
    canonical_json.dumps(column)
    assert (column["min"], column["max"], sum(column["histogram"])) == (min(values), max(values), len(values))
    assert column["mean"] == pytest.approx(sum(value / len(values) for value in values))


def test_texts_of_single_people_are_not_repeated() -> None:
    names = [f"person {number}" for number in range(60)]
    assert profile(pl.DataFrame({"a": names}))["columns"]["a"]["top"] == []
    assert profile(pl.DataFrame({"a": names + ["Ann"] * 5}))["columns"]["a"]["top"] == [["Ann", 5]]
    assert len(profile(pl.DataFrame({"a": names[:50]}))["columns"]["a"]["top"]) == 50
    assert profile(pl.DataFrame({"a": ["x" * 201, "y"]}))["columns"]["a"]["top"] == [["y", 1]]
