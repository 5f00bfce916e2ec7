"""Compiled models: every kind of column, one row and many, and what is refused. Parity has tests of its own."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from stellwerk.engines.onnx import NotScorable, OnnxModel, UnusableModel
from stellwerk_runner.compile import compile_model

FLOAT, INT, BOOL, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING
INPUTS = [("income", "number"), ("years", "integer"), ("town", "string"), ("married", "boolean")]


@cache
def table(rows: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    return pl.DataFrame({
        "income": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(40, 15, rows)),
        "years": rng.integers(0, 9, rows).astype(float), "town": rng.choice(["north", "südlich", ""], rows),
        "married": rng.integers(0, 2, rows).astype(float)})


@cache
def compiled() -> bytes:
    frame = table()
    worth = frame["income"].fill_nan(40).to_numpy() + 4 * frame["years"].to_numpy()
    parts = make_column_transformer((make_pipeline(SimpleImputer(), StandardScaler()), ["income", "years", "married"]),
                                    (OneHotEncoder(handle_unknown="ignore"), ["town"]))
    fitted = make_pipeline(parts, LogisticRegression()).fit(frame, worth > 60)
    return compile_model(fitted, [{"name": name, "type": kind} for name, kind in INPUTS], True)


@cache
def model() -> OnnxModel:
    return OnnxModel(compiled(), INPUTS)


def passing(kind: int, name: str = "probabilities", width: int = 2) -> bytes:
    """A model whose answer is its one input, in every column of the output."""
    nodes = [helper.make_node("Cast", ["x"], ["cast"], to=FLOAT),
             helper.make_node("Concat", ["cast"] * width, [name], axis=1)]
    graph = helper.make_graph(nodes, "test", [helper.make_tensor_value_info("x", kind, [None, 1])],
                              [helper.make_tensor_value_info(name, FLOAT, [None, width])])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    made.ir_version = 9
    return bytes(made.SerializeToString())


@settings(deadline=None, max_examples=80)
@given(income=st.none() | st.floats(-3.4e38, 3.4e38) | st.integers(-10**38, 10**38), years=st.none() | st.integers(0, 50),
       town=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
       married=st.none() | st.booleans())
def test_one_row_scores_to_the_bit_as_a_table_of_it(income: Any, years: Any, town: Any, married: Any) -> None:
    row = {"income": income, "years": years, "town": town, "married": married}
    alone = model().score_one(row)
    assert alone == model().score({name: [value] for name, value in row.items()})[0]
    # Among other rows the processor may add in another order, which 32 bits show in the last digits.
    assert model().score({name: [value] * 9 for name, value in row.items()})[4] == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize(("kind", "value", "answer"), [
    (FLOAT, 0.25, 0.25), (TensorProto.DOUBLE, 0.25, 0.25), (INT, 2**40, 2.0**40), (TensorProto.INT32, 3, 3.0),
    (BOOL, True, 1.0), (BOOL, False, 0.0), (TEXT, "0.5", 0.5)])
def test_each_kind_of_column_reaches_the_model(kind: int, value: Any, answer: float) -> None:
    made = OnnxModel(passing(kind), [("x", "string" if kind == TEXT else "number")])
    assert made.columns == ["x"]
    assert made.score({"x": [value, value]}).tolist() == [answer, answer]
    assert made.score_one({"x": value}) == answer


@pytest.mark.parametrize("kind", [INT, TensorProto.INT32, BOOL])
def test_a_missing_value_where_the_model_takes_none_is_named(kind: int) -> None:
    made = OnnxModel(passing(kind), [("x", "integer")])
    for score in (lambda: made.score({"x": [1, None]}), lambda: made.score_one({"x": None})):
        with pytest.raises(NotScorable, match="x is missing"):
            score()


def test_scoring_does_not_change_what_was_given() -> None:
    columns = {name: np.array(table()[name].to_list(), dtype=object if name == "town" else np.float64)
               for name, _ in INPUTS}
    before = {name: values.copy() for name, values in columns.items()}
    model().score(columns)
    for name, values in before.items():
        np.testing.assert_array_equal(columns[name], values)


@pytest.mark.parametrize("data", [b"", b"no model", b"\0" * 1000])
def test_bytes_that_are_no_model_are_refused(data: bytes) -> None:
    with pytest.raises(UnusableModel, match="no compiled model"):
        OnnxModel(data, INPUTS)


def test_a_column_kind_that_no_contract_has_is_refused() -> None:
    with pytest.raises(UnusableModel, match=r"another type .*\['x'\]"):
        OnnxModel(passing(TensorProto.FLOAT16), [("x", "number")])


@pytest.mark.parametrize(("name", "width"), [("label", 2), ("probabilities", 3), ("probabilities", 1)])
def test_a_model_with_another_output_is_refused(name: str, width: int) -> None:
    data = passing(FLOAT, name, width)
    onnx.checker.check_model(onnx.load_from_string(data))
    with pytest.raises(UnusableModel, match="no output 'probabilities' of two columns"):
        OnnxModel(data, [("x", "number")])
