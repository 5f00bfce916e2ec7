"""From a fitted estimator to ONNX bytes: one named input per column, probabilities with the positive label second.

The compiled model has the contract's column names as inputs (float32 or string, shape [rows, 1]) and the output
``probabilities`` (float32, shape [rows, 2]; column 1 belongs to the positive label). Equal estimators give equal
bytes.
"""

from __future__ import annotations

import importlib
import json
import re
from typing import Any

from stellwerk_runner import estimator
from stellwerk_runner.failures import TaskError

CONVERTIBLE = (
    "StandardScaler, MinMaxScaler, SimpleImputer (on numbers), OneHotEncoder or OrdinalEncoder inside a "
    "ColumnTransformer, followed by LogisticRegression, RandomForestClassifier, ExtraTreesClassifier, "
    "GradientBoostingClassifier, DecisionTreeClassifier or MLPClassifier"
)
OUTPUT = "probabilities"
_OWN = "stellwerk/"
_JOINED = _OWN + "joined"
_AS_FITTED = _OWN + "as_fitted"


def compile_model(fitted: Any, inputs: list[dict[str, str]], positive: Any) -> bytes:
    """Return the ONNX form of a fitted classifier; raises TaskError ``not_convertible`` naming the forms that are.

    ``inputs`` are name and contract type (number, integer, boolean: float32; string: text).
    """
    converter = importlib.import_module("skl2onnx")
    types = importlib.import_module("skl2onnx.common.data_types")
    columns = estimator.usable_columns(fitted, [each["name"] for each in inputs])
    text = {each["name"] for each in inputs if each["type"] == "string"}
    kinds = [(name, (types.StringTensorType if name in text else types.FloatTensorType)([None, 1]))
             for name in columns]
    if OUTPUT in columns:
        raise TaskError("bad_data", f"An input may not be called {OUTPUT}: the compiled model's output is.",
                        hint="Rename the column in source and contract.")
    # An estimator without a preparing step takes one matrix: compile it so and join the columns before it.
    joined = not text.intersection(columns) and not hasattr(fitted, "steps")
    if joined:
        kinds = [("joined", types.FloatTensorType([None, len(columns)]))]
    try:
        model = converter.to_onnx(fitted, initial_types=kinds, options={"zipmap": False}, name="stellwerk")
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError, IndexError,
            NotImplementedError, ImportError) as error:
        raise _refusal(fitted, error) from error
    _name_values(model.graph, columns, joined)
    if joined:
        _join_inputs(model.graph, columns)
    _order_classes(model.graph, estimator.positive_index(fitted, positive))
    _note(model, {"stellwerk.inputs": json.dumps(columns), "stellwerk.positive": json.dumps(positive),
                  "stellwerk.missing_text": ""})
    return bytes(model.SerializeToString(deterministic=True))


def _refusal(fitted: Any, error: Exception) -> TaskError:
    reason = re.sub(r"\s+", " ", str(error)).strip()
    whole = estimator.describe(fitted)
    parts = [name for name in re.findall(r"\w+", whole) if name not in ("Pipeline", "ColumnTransformer")]
    refused = next((name for name in parts if name in reason), "")
    if not refused and "TreeEnsemble" in reason:
        refused = parts[-1]
    subject = f"{refused} in {whole}" if refused and refused != whole else whole
    return TaskError("not_convertible", f"{subject} has no ONNX form: {reason[:300]}",
                     hint=f"Use forms that convert: {CONVERTIBLE}.",
                     details={"refused": refused or whole, "convertible": CONVERTIBLE})


def _rename(graph: Any, names: dict[str, str]) -> None:
    for node in graph.node:
        for field in (node.input, node.output):
            for index, name in enumerate(field):
                field[index] = names.get(name, name)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                own = {name for inner in attribute.g.node for name in inner.output}
                own |= {value.name for value in (*attribute.g.input, *attribute.g.initializer)}
                _rename(attribute.g, {old: new for old, new in names.items() if old not in own})


def _name_values(graph: Any, columns: list[str], joined: bool) -> None:
    """Give inputs the contract's names and the second output the name ``probabilities``.

    The converter keeps only letters, digits and underscores of a name. Everything between gets a prefix, so that
    no column name can meet a name of the converter's own.
    """
    taken = [value.name for value in graph.input]
    between = {name for node in graph.node for name in (*node.input, *node.output) if name}
    names = {name: _OWN + name for name in between}
    names.update(zip(taken, [_JOINED] if joined else columns, strict=True))
    names[graph.output[1].name] = _AS_FITTED
    _rename(graph, names)
    for value in graph.input:
        value.name = names[value.name]
    for value in graph.initializer:
        value.name = names.get(value.name, value.name)


def _join_inputs(graph: Any, columns: list[str]) -> None:
    helper = importlib.import_module("onnx").helper
    one = graph.input[0].type.tensor_type.elem_type
    del graph.input[:]
    graph.input.extend(helper.make_tensor_value_info(name, one, [None, 1]) for name in columns)
    nodes = [helper.make_node("Concat", columns, [_JOINED], name=_JOINED, axis=1), *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _order_classes(graph: Any, positive: int) -> None:
    """Leave one output, ``probabilities``, whose second column belongs to the positive label."""
    onnx = importlib.import_module("onnx")
    order = onnx.helper.make_tensor(_OWN + "order", onnx.TensorProto.INT64, [2], [1 - positive, positive])
    graph.initializer.append(order)
    graph.node.append(onnx.helper.make_node("Gather", [_AS_FITTED, order.name], [OUTPUT], name=OUTPUT, axis=1))
    one = graph.output[1].type.tensor_type.elem_type
    del graph.output[:]
    graph.output.append(onnx.helper.make_tensor_value_info(OUTPUT, one, [None, 2]))


def _note(model: Any, facts: dict[str, str]) -> None:
    for name in sorted(facts):
        entry = model.metadata_props.add()
        entry.key, entry.value = name, facts[name]
