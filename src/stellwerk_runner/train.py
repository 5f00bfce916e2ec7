"""The task ``train``: fit by folds or holdout, compile every estimator to ONNX, keep out-of-fold predictions.

Missing text in an input is the empty string, for training and for every later decision; a missing number stays
missing (NaN for the model). A boolean input with missing values is handed over as 0.0, 1.0 or missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
import polars as pl

from stellwerk_runner import entry, estimator
from stellwerk_runner.compile import compile_model
from stellwerk_runner.failures import TaskError
from stellwerk_runner.importance import importances
from stellwerk_runner.progress import Progress

_INPUT_TYPES = ("number", "integer", "boolean", "string")
_VERSIONED = ("numpy", "polars", "scikit-learn", "skl2onnx", "onnx")


@dataclass
class Work:
    """One training as it goes on; ``function`` is None for a model that was trained elsewhere."""

    task: dict[str, Any]
    out: Path
    progress: Progress
    function: Callable[..., Any] | None
    data: pl.DataFrame
    fits: list[dict[str, Any]] = field(default_factory=list)
    estimator_name: str = ""
    classes: list[Any] = field(default_factory=list)

    @property
    def inputs(self) -> list[str]:
        """The names of the model's inputs in the contract's order."""
        return [each["name"] for each in self.task["inputs"]]


def train(task: dict[str, Any], out: Path, progress: Progress) -> dict[str, Any]:
    """Run the training that the task describes and return what result.json records.

    With ``task["folds"]`` (one list of row numbers per fold) each fold's model is fitted on the other rows, and the
    released model on all rows. With ``task["holdout"]`` (row numbers) one model is fitted on the rest and released.
    Writes model.onnx, fold_<k>.onnx and predictions.arrow with the columns ``row``, ``fold`` (null: scored by no
    model that did not see it; 0 for a holdout row), ``probability`` (of the positive label, by that fold's
    estimator) and ``released`` (by the released estimator).
    """
    function = entry.find(task["entry"], Path(task["bundle"]))
    data = prepare(pl.read_ipc(Path(task["data"])), task["inputs"])
    if bool(task.get("folds")) == bool(task.get("holdout")):
        raise TaskError("bad_task", "A training needs either folds or a holdout.")
    check_labels(task, data)
    work = Work(task, out, progress, function, data)
    folds, holdout = task.get("folds") or [], task.get("holdout")
    fold_of = np.full(data.height, -1, dtype=np.int64)
    probability = np.full(data.height, np.nan)
    for number, rows in enumerate(folds):
        fitted = _fit(work, number, np.asarray(rows, dtype=np.int64), f"fold {number + 1} of {len(folds)}")
        fold_of[rows] = number
        probability[rows] = score(work, fitted, data[rows])
        keep_model(work, fitted, out / f"fold_{number}.onnx")
    released = _fit(work, None, np.asarray(holdout or [], dtype=np.int64), "the released model")
    over_all = score(work, released, data)
    keep_model(work, released, out / "model.onnx")
    if holdout:
        fold_of[holdout], probability[holdout] = 0, over_all[holdout]
    write_predictions(out, fold_of, probability, over_all)
    progress.say("measuring what each input contributes")
    return result(work, released)


def prepare(data: pl.DataFrame, inputs: list[dict[str, str]]) -> pl.DataFrame:
    """Return the data with missing text of the inputs as '' and booleans with gaps as numbers.

    Raises TaskError ``bad_data`` when an input column is not there, or of a type that no model takes.
    """
    lost = [each["name"] for each in inputs if each["name"] not in data.columns]
    if lost:
        raise TaskError("bad_data", f"The data lack the inputs {', '.join(lost)}.", hint="Check contract and source.")
    odd = [f"{each['name']} ({each['type']})" for each in inputs if each["type"] not in _INPUT_TYPES]
    if odd:
        raise TaskError("bad_data", f"A model cannot take the inputs {', '.join(odd)}.",
                        hint="Derive a number from them in the source, or name them under exclude.")
    changes = []
    for each in inputs:
        column = pl.col(each["name"])
        if each["type"] == "string":
            changes.append(column.cast(pl.String).fill_null(""))
        elif each["type"] == "boolean" and data[each["name"]].null_count():
            changes.append(column.cast(pl.Float64))
    return data.with_columns(changes)


def check_labels(task: dict[str, Any], data: pl.DataFrame) -> None:
    """Raise TaskError ``bad_data`` unless the target holds two labels, the positive one among them."""
    if task["target"] not in data.columns:
        raise TaskError("bad_data", f"The data lack the target {task['target']}.", hint="Check contract and source.")
    labels = data[task["target"]].drop_nulls().unique().sort().to_list()
    if len(labels) != 2 or task["positive"] not in labels:
        raise TaskError("bad_data", f"The target {task['target']} must hold two labels, {task['positive']!r} one of "
                        f"them; it holds {labels[:10]!r}.", hint="Map the target to two labels in the source.")


def _fit(work: Work, fold: int | None, left_out: np.ndarray, what: str) -> Any:
    """Fit on all rows but ``left_out`` and return the estimator after checking that it is one."""
    keep = np.ones(work.data.height, dtype=bool)
    keep[left_out] = False
    rows = work.data.filter(pl.Series(keep))
    work.progress.say(f"training {what} on {rows.height} rows", rows=rows.height, fold=fold)
    entry.seed_everything(int(work.task["seed"]))
    name = work.task["entry"].partition(":")[2]
    started = time.perf_counter()
    assert work.function is not None
    fitted = entry.call(work.function, name, rows, dict(work.task["params"]))
    seconds = round(time.perf_counter() - started, 3)
    estimator.check(fitted, name)
    note_fit(work, fitted, {"fold": fold, "rows": rows.height, "seconds": seconds})
    return fitted


def note_fit(work: Work, fitted: Any, facts: dict[str, Any]) -> None:
    """Note a fitted estimator: how it came about, what it is, which classes it knows."""
    work.fits.append({**facts, "convert_seconds": 0.0})
    work.estimator_name = estimator.describe(fitted)
    work.classes = [getattr(label, "item", lambda label=label: label)() for label in fitted.classes_]


def score(work: Work, fitted: Any, rows: pl.DataFrame) -> np.ndarray:
    """Return the probability of the positive label for each row."""
    positive = estimator.positive_index(fitted, work.task["positive"])
    return estimator.probabilities(fitted, rows, work.inputs)[:, positive]


def keep_model(work: Work, fitted: Any, path: Path) -> None:
    """Compile an estimator to ONNX and write it."""
    started = time.perf_counter()
    path.write_bytes(compile_model(fitted, work.task["inputs"], work.task["positive"]))
    work.fits[-1]["convert_seconds"] = round(time.perf_counter() - started, 3)


def write_predictions(out: Path, fold_of: np.ndarray, probability: np.ndarray, released: np.ndarray) -> None:
    """Write predictions.arrow: fold -1 marks rows that no model scored unseen."""
    scored = fold_of >= 0
    pl.DataFrame({
        "row": np.arange(len(fold_of), dtype=np.int64),
        "fold": pl.Series(fold_of).cast(pl.Int64).set(pl.Series(~scored), None),
        "probability": pl.Series(probability).set(pl.Series(~scored), None),
        "released": released,
    }).write_ipc(out / "predictions.arrow", compression="uncompressed")


def result(work: Work, released: Any) -> dict[str, Any]:
    """Return what result.json records of a training."""
    folds = work.task.get("folds") or []
    return {
        "models": {"released": "model.onnx", "folds": [f"fold_{number}.onnx" for number in range(len(folds))]},
        "fits": work.fits,
        "seconds": {"fit": round(sum(each["seconds"] for each in work.fits), 3),
                    "convert": round(sum(each["convert_seconds"] for each in work.fits), 3)},
        "estimator": work.estimator_name,
        "classes": work.classes,
        "versions": {"python": python_version(), **{name: _version(name) for name in _VERSIONED}},
        "importances": importances(released, work.data, work.inputs, work.task),
        "notes": ["missing text is the empty string, in training and when deciding",
                  "missing numbers are NaN, in training and when deciding"],
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"
