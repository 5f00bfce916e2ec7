"""Compiled models: scoring ONNX bytes exactly as they were evaluated, approved and released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTPUT = "probabilities"
_NUMBERS: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_}
_TEXT = "tensor(string)"
# The exceptions of the runtime have no common base of their own.
_FAULTS = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NoModel", "NoSuchFile", "NotImplemented",
           "RuntimeException", "EPFail", "EngineError")


class UnusableModel(ValueError):
    """The bytes are no compiled classifier that can be scored here; the text says why."""


class NotScorable(ValueError):
    """The model takes no such values: a category that it refuses, a missing value where it needs one."""


class OnnxModel:
    """One compiled binary classifier, loaded.

    ``inputs`` are (name, contract type) in the order of the contract. The model has one input per column that it
    uses (shape [rows, 1]: float, double, int64, int32, bool, or text where the contract says text) and the output
    ``probabilities`` (shape [rows, 2], column 1 is the positive label). Raises UnusableModel for bytes that are no
    such model.
    """

    def __init__(self, model: bytes, inputs: Sequence[tuple[str, str]]) -> None:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as states

        self._faults: tuple[type[Exception], ...] = (
            RuntimeError, ValueError, *(getattr(states, name) for name in _FAULTS))
        options = onnxruntime.SessionOptions()
        # One row is scored in microseconds; threads would only wait for each other.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except self._faults as error:
            raise UnusableModel(f"this is no compiled model that can be loaded: {error}") from error
        self._kinds: dict[str, str] = {entry.name: entry.type for entry in self._session.get_inputs()}
        _check_inputs(self._kinds, dict(inputs))
        outputs = {entry.name: list(entry.shape) for entry in self._session.get_outputs()}
        if OUTPUT not in outputs or len(outputs[OUTPUT]) != 2 or outputs[OUTPUT][1] != 2:
            raise UnusableModel(f"the compiled model has no output {OUTPUT!r} of two columns: it has {outputs}")
        self._texts = [name for name, kind in self._kinds.items() if kind == _TEXT]
        self._numbers = [name for name in self._kinds if name not in self._texts]
        # Numbers of one kind, as models usually have them, are made with a single call.
        self._uniform = all(self._kinds[name] == "tensor(float)" for name in self._numbers)

    @property
    def columns(self) -> list[str]:
        """Names of the inputs that the model uses."""
        return list(self._kinds)

    def score(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> NDArray[np.float64]:
        """Return the probability of the positive label per row; a missing number is NaN, missing text ''.

        It is NaN where the model gives none. Raises NotScorable for values that the model does not take.
        """
        return self._run({name: _text(columns[name]) if kind == _TEXT else _numbers(columns[name], name, _NUMBERS[kind])
                          for name, kind in self._kinds.items()})

    def score_one(self, values: Mapping[str, Any]) -> float:
        """Return the probability of the positive label for one row; None is a missing value.

        The same to the bit as ``score`` of a table of this one row, in less time; among other rows the last digits
        of 32 bits may differ.
        """
        if not self._uniform:
            return float(self.score({name: [values[name]] for name in self._kinds})[0])
        cells = np.array([np.nan if values[name] is None else values[name] for name in self._numbers], dtype=np.float32)
        feed: dict[str, NDArray[Any]] = dict(zip(self._numbers, cells.reshape(-1, 1, 1), strict=True))
        for name in self._texts:
            feed[name] = np.array([["" if values[name] is None else values[name]]], dtype=object)
        return float(self._run(feed)[0])

    def _run(self, feed: dict[str, NDArray[Any]]) -> NDArray[np.float64]:
        try:
            found = self._session.run([OUTPUT], feed)[0]
        except self._faults as error:
            raise NotScorable(f"the compiled model cannot score these values: {error}") from error
        return np.asarray(found, dtype=np.float64)[:, 1]


def _check_inputs(kinds: Mapping[str, str], contract: Mapping[str, str]) -> None:
    missing = [name for name in kinds if name not in contract]
    if missing:
        raise UnusableModel(f"the compiled model asks for inputs that the contract lacks: {missing}")
    mixed = [name for name, kind in kinds.items() if (kind == _TEXT) != (contract[name] == "string")
             or (kind != _TEXT and kind not in _NUMBERS)]
    if mixed:
        raise UnusableModel(f"the compiled model takes another type than the contract for: {mixed}")


def _numbers(values: Sequence[Any] | NDArray[Any], name: str, kind: type[np.generic]) -> NDArray[Any]:
    if not isinstance(values, np.ndarray):
        values = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if not issubclass(kind, np.floating) and np.isnan(values.astype(np.float64)).any():
        raise NotScorable(f"{name} is missing, and the compiled model takes no missing value there")
    return values.astype(kind).reshape(-1, 1)


def _text(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.object_]:
    made = np.empty((len(values), 1), dtype=object)
    made[:, 0] = ["" if value is None else value for value in values]
    return made
