"""Compiled models: scoring ONNX bytes exactly as they were evaluated, approved and released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTPUT = "probabilities"


class OnnxModel:
    """One compiled binary classifier, loaded.

    ``inputs`` are (name, contract type) in the order of the contract. The model has one input per column it uses
    (float32 or text, shape [rows, 1]) and the output ``probabilities`` (shape [rows, 2], column 1 is the positive
    label). Raises ValueError for bytes that are no such model.
    """

    def __init__(self, model: bytes, inputs: Sequence[tuple[str, str]]) -> None:
        self._session = _session(model)
        known = dict(inputs)
        self._columns = [(entry.name, entry.type == "tensor(string)") for entry in self._session.get_inputs()]
        missing = [name for name, _ in self._columns if name not in known]
        if missing:
            raise ValueError(f"the compiled model asks for inputs that the contract lacks: {missing}")
        mixed = [name for name, is_text in self._columns if is_text != (known[name] == "string")]
        if mixed:
            raise ValueError(f"the compiled model takes another type than the contract for: {mixed}")
        outputs = {entry.name: entry.shape for entry in self._session.get_outputs()}
        if OUTPUT not in outputs or len(outputs[OUTPUT]) != 2 or outputs[OUTPUT][1] != 2:
            raise ValueError(f"the compiled model has no output {OUTPUT!r} of two columns")

    @property
    def columns(self) -> list[str]:
        """Names of the inputs that the model uses."""
        return [name for name, _ in self._columns]

    def score(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> NDArray[np.float64]:
        """Return the probability of the positive label per row; a missing number is NaN, missing text ''."""
        feed = {name: _text(columns[name]) if is_text else _numbers(columns[name]) for name, is_text in self._columns}
        found = self._session.run([OUTPUT], feed)[0]
        return np.asarray(found, dtype=np.float64)[:, 1]

    def score_one(self, values: Mapping[str, Any]) -> float:
        """Return the probability of the positive label for one row; None is a missing value.

        The same as ``score`` of a table with this row, without the work that many rows need.
        """
        feed = {}
        for name, is_text in self._columns:
            value = values[name]
            if is_text:
                cell: NDArray[Any] = np.empty((1, 1), dtype=object)
                cell[0, 0] = "" if value is None else value
            else:
                # By way of 64 bits, as in a table, so that both round alike.
                cell = np.array(((np.nan if value is None else float(value),),), dtype=np.float32)
            feed[name] = cell
        return float(self._session.run([OUTPUT], feed)[0][0, 1])


def _session(model: bytes) -> Any:
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = onnxruntime.SessionOptions()
    # One row is scored in microseconds; threads would only wait for each other.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented,
            state.NoSuchFile, state.RuntimeException, RuntimeError) as error:
        raise ValueError(f"this is no compiled model that can be loaded: {error}") from None


def _numbers(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float32]:
    if not isinstance(values, np.ndarray):
        values = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return values.astype(np.float32).reshape(-1, 1)


def _text(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.object_]:
    made = np.empty((len(values), 1), dtype=object)
    made[:, 0] = ["" if value is None else value for value in values]
    return made
