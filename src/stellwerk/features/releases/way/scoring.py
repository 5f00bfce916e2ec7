"""Scoring every row with the compiled models, so that what is judged is what will answer."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stellwerk.engines.onnx import OnnxModel
from stellwerk.features.evaluations import DecisionRule, compare_compiled, fold_of_rows
from stellwerk.kernel import canonical_json

_BACKGROUND_ROWS = 100


@dataclass(frozen=True)
class Scored:
    """Scores per row as an Arrow file (fold, score by the model that did not see the row, released score)."""

    arrow: bytes
    parity: dict[str, Any]


def columns_of(frame: pl.DataFrame, inputs: Sequence[Mapping[str, str]]) -> dict[str, np.ndarray]:
    """Return the inputs as a compiled model takes them: numbers with NaN, text with '' where missing."""
    columns: dict[str, np.ndarray] = {}
    for entry in inputs:
        column = frame[entry["name"]]
        if entry["type"] == "string":
            columns[entry["name"]] = column.cast(pl.String).fill_null("").to_numpy().astype(object)
        else:
            columns[entry["name"]] = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return columns


def score_all(data: Path, inputs: Sequence[Mapping[str, str]], out: Path, rows: Mapping[str, Any],
              serve: Mapping[str, Any]) -> Scored:
    """Score all rows: each by the fold that left it out, and by the released model; compare with the estimators."""
    frame = pl.read_ipc(data)
    predictions = pl.read_ipc(out / "predictions.arrow")
    types = [(entry["name"], entry["type"]) for entry in inputs]
    released = OnnxModel((out / "model.onnx").read_bytes(), types).score(columns_of(frame, inputs))
    folds = fold_of_rows(rows, frame.height)
    scores = np.full(frame.height, np.nan)
    if "folds" in rows:
        for number, members in enumerate(rows["folds"]):
            model = OnnxModel((out / f"fold_{number}.onnx").read_bytes(), types)
            scores[members] = model.score(columns_of(frame[members], inputs))
    else:
        scores[folds >= 0] = released[folds >= 0]
    estimator = np.concatenate([predictions["released"].to_numpy(), predictions["probability"].to_numpy()[folds >= 0]])
    compiled = np.concatenate([released, scores[folds >= 0]])
    compared = compare_compiled(estimator.astype(np.float64), compiled, DecisionRule.of(serve).decide)
    compared["message"] = (f"{compared['flips']} of {compared['rows']} answers flip, 99 % differ by at most "
                           f"{'an endless amount' if compared['p99'] is None else format(compared['p99'], '.1e')}")
    kept = pl.DataFrame({"fold": folds, "score": scores, "released": released})
    return Scored(arrow=_arrow(kept), parity=compared)


def background(data: Path, inputs: Sequence[Mapping[str, str]], seed: int) -> bytes:
    """Return the frozen rows against which answers are explained: at most 100, drawn by the seed.

    Canonical JSON of one list per input, since the server reads it and needs no tables for anything else.
    """
    frame = pl.read_ipc(data).select(entry["name"] for entry in inputs)
    if frame.height > _BACKGROUND_ROWS:
        chosen = np.sort(np.random.default_rng(seed).choice(frame.height, _BACKGROUND_ROWS, replace=False))
        frame = frame[chosen]
    return canonical_json.dumps(frame.to_dict(as_series=False))


def _arrow(frame: pl.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.write_ipc(stream, compression="uncompressed")
    return stream.getvalue()
