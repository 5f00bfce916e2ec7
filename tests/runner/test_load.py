"""What a source function may return."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from stellwerk_runner.failures import TaskError
from stellwerk_runner.load import as_frame

_TABLE = pl.DataFrame({"a": [1, 2], "b": ["x", None]})


@pytest.mark.parametrize("value", [_TABLE, _TABLE.lazy(), _TABLE.to_dict(as_series=False), _TABLE.to_dicts()])
def test_tables_in_every_form(value: Any) -> None:
    assert as_frame(value, "load").equals(_TABLE)


def test_pandas_gaps_become_nulls() -> None:
    pandas = pytest.importorskip("pandas")
    frame = as_frame(pandas.DataFrame({"a": [1.5, None], "b": ["x", None]}), "load")
    assert frame.to_dicts() == [{"a": 1.5, "b": "x"}, {"a": None, "b": None}]


@pytest.mark.parametrize(("value", "says"), [
    (None, "returned nothing"), (7, "a int"), (_TABLE.clear(), "without rows"), ({"a": [1], "b": [1, 2]}, "no table"),
    (pl.DataFrame({"a": [object()]}), "mixed Python objects: a"),
])
def test_what_is_no_table(value: Any, says: str) -> None:
    with pytest.raises(TaskError, match=says) as caught:
        as_frame(value, "load")
    assert caught.value.kind == "bad_return"
    assert caught.value.hint
