"""Compiled models: the same scores by row and by batch, missing values, which output counts, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from stellwerk.engines.onnx import OnnxModel, UnusableModel
from tools.sample_model import sample_model

FLOAT, INT, BOOL, TEXT = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING


def graph(inputs: dict[str, int], nodes: list[Any], outputs: list[tuple[str, int, list[Any]]],
          constants: list[Any] | None = None) -> bytes:
    made = helper.make_graph(
        nodes, "test", [helper.make_tensor_value_info(name, kind, [None, 1]) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs], constants or [])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 19)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def passing(kind: int, name: str = "probabilities", shape: Any = (None, 1)) -> bytes:
    """A model whose answer is its one input, as a float."""
    return graph({"x": kind}, [helper.make_node("Cast", ["x"], [name], to=FLOAT)], [(name, FLOAT, list(shape))])


@pytest.fixture(scope="module")
def sample() -> OnnxModel:
    model = sample_model()
    return OnnxModel(model.onnx, [(entry["name"], entry["type"]) for entry in model.inputs])


def test_scores_are_those_of_the_estimator() -> None:
    from sklearn.linear_model import LogisticRegression

    from stellwerk_runner.compile import compile_model

    rng = np.random.default_rng(3)
    data = rng.normal(size=(300, 3))
    labels = data @ [1.0, -2.0, 0.5] + rng.normal(size=300) > 0
    fitted = LogisticRegression().fit(data, labels)
    inputs = [{"name": name, "type": "number"} for name in "abc"]
    model = OnnxModel(compile_model(fitted, inputs, True), [(name, "number") for name in "abc"])
    scored = model.score(dict(zip("abc", data.T, strict=True)))
    assert scored.dtype == np.float64
    assert np.abs(scored - fitted.predict_proba(data)[:, 1]).max() < 1e-6


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_one_row_scores_to_the_bit_as_in_a_batch(sample: OnnxModel, data: st.DataObject) -> None:
    kinds = {entry["name"]: entry["type"] for entry in sample_model().inputs}
    number = st.none() | st.integers(-2**40, 2**40) | st.floats(-1e6, 1e6)
    rows = data.draw(st.lists(st.fixed_dictionaries({
        name: st.none() | st.text(max_size=5) if kind == "string" else number for name, kind in kinds.items()}),
        min_size=1, max_size=4))
    batch = sample.score({name: [row[name] for row in rows] for name in kinds})
    singly = [sample.score_one(row) for row in rows]
    np.testing.assert_array_equal(batch, singly)


def test_lists_and_arrays_score_alike(sample: OnnxModel) -> None:
    frame = sample_model().frame[:50]
    lists = {name: frame[name].to_list() for name in sample.columns}
    arrays = {name: np.array(values, dtype=object if isinstance(values[0], str) else np.float64)
              for name, values in lists.items()}
    np.testing.assert_array_equal(sample.score(lists), sample.score(arrays))


@pytest.mark.parametrize(("kind", "value", "expected"), [
    (FLOAT, 0.25, 0.25), (INT, 3, 3.0), (BOOL, True, 1.0), (BOOL, False, 0.0), (TEXT, "0.5", 0.5)])
def test_each_kind_of_column_reaches_the_model(kind: int, value: Any, expected: float) -> None:
    model = OnnxModel(passing(kind), [("x", "number")])
    assert model.columns == ["x"]
    assert model.score({"x": [value]}).tolist() == [expected]
    assert model.score_one({"x": value}) == expected


def test_a_missing_number_is_nan_and_missing_text_is_empty() -> None:
    numbers = OnnxModel(graph(
        {"x": FLOAT}, [helper.make_node("IsNaN", ["x"], ["nan"]), helper.make_node("Cast", ["nan"], ["p"], to=FLOAT)],
        [("p", FLOAT, [None, 1])]), [("x", "number")])
    assert numbers.score({"x": [None, 1.0]}).tolist() == [1.0, 0.0]
    assert (numbers.score_one({"x": None}), numbers.score_one({"x": 2})) == (1.0, 0.0)
    empty = helper.make_tensor("empty", TEXT, [1], [b""])
    texts = OnnxModel(graph(
        {"x": TEXT}, [helper.make_node("Equal", ["x", "empty"], ["is"]),
                      helper.make_node("Cast", ["is"], ["p"], to=FLOAT)], [("p", FLOAT, [None, 1])], [empty]),
        [("x", "string")])
    assert texts.score({"x": [None, "a"]}).tolist() == [1.0, 0.0]
    assert (texts.score_one({"x": None}), texts.score_one({"x": "a"})) == (1.0, 0.0)


@pytest.mark.parametrize("kind", [INT, BOOL])
def test_a_missing_whole_number_is_refused_by_name(kind: int) -> None:
    model = OnnxModel(passing(kind), [("x", "integer")])
    for score in (lambda: model.score({"x": [1, None]}), lambda: model.score_one({"x": None})):
        with pytest.raises(ValueError, match="x is missing"):
            score()


def test_values_that_the_model_cannot_take_are_a_value_error() -> None:
    model = OnnxModel(passing(TEXT), [("x", "string")])
    with pytest.raises(ValueError, match="cannot score"):
        model.score_one({"x": "no number"})


def two_outputs(name: str) -> bytes:
    """Label, two columns of probabilities, and something else that floats."""
    parts = [helper.make_node("Cast", ["x"], ["label"], to=INT), helper.make_node("Neg", ["x"], ["other"]),
             helper.make_node("Concat", ["other", "x"], [name], axis=1)]
    return graph({"x": FLOAT}, parts, [("label", INT, [None, 1]), ("other", FLOAT, [None, 1]),
                                       (name, FLOAT, [None, 2])])


def test_the_named_output_counts_and_its_second_column() -> None:
    model = OnnxModel(two_outputs("probabilities"), [("x", "number")])
    assert model.score({"x": [0.25, 0.5]}).tolist() == [0.25, 0.5]


@pytest.mark.parametrize("shape", [(None, 1), (None,)])
def test_one_column_of_another_name_counts_where_it_is_the_only_one(shape: Any) -> None:
    if shape == (None,):
        data = graph({"x": FLOAT}, [helper.make_node("Squeeze", ["x", "axes"], ["p"])], [("p", FLOAT, [None])],
                     [helper.make_tensor("axes", INT, [1], [1])])
    else:
        data = passing(FLOAT, "p")
    assert OnnxModel(data, [("x", "number")]).score({"x": [0.25, 0.5]}).tolist() == [0.25, 0.5]


@pytest.mark.parametrize(("data", "words"), [
    (b"", "cannot be loaded"), (b"no model at all", "cannot be loaded"), (b"\0" * 1000, "cannot be loaded"),
    (two_outputs("scores"), "no single output of probabilities.*other.*scores"),
    (graph({"x": FLOAT}, [helper.make_node("Cast", ["x"], ["label"], to=INT)], [("label", INT, [None, 1])]),
     "no single output of probabilities.*label"),
    (graph({"x": FLOAT}, [helper.make_node("Concat", ["x", "x", "x"], ["probabilities"], axis=1)],
           [("probabilities", FLOAT, [None, 3])]), "no single output.*3"),
    (graph({"y": FLOAT}, [helper.make_node("Neg", ["y"], ["p"])], [("p", FLOAT, [None, 1])]),
     r"inputs that the contract lacks: \['y'\]"),
    (passing(TensorProto.FLOAT16), "kinds that no column holds.*float16")])
def test_what_is_no_compiled_classifier_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(UnusableModel, match=words):
        OnnxModel(data, [("x", "number")])


def test_scoring_does_not_change_what_was_given(sample: OnnxModel) -> None:
    frame = sample_model().frame[:5]
    columns = {name: np.array(frame[name].to_list(), dtype=object if frame[name].dtype == pl.String else np.float64)
               for name in sample.columns}
    before = {name: values.copy() for name, values in columns.items()}
    sample.score(columns)
    for name, values in before.items():
        np.testing.assert_array_equal(columns[name], values)
