"""The task ``adopt``: take a model that was trained elsewhere, compile it to ONNX and score every row with it.

Reading a pickle runs whatever stands in it. That is why it happens here, in a child without secrets, and nowhere else.
"""

from __future__ import annotations

import importlib
import pickle
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stellwerk_runner import entry, estimator
from stellwerk_runner.failures import TaskError
from stellwerk_runner.progress import Progress
from stellwerk_runner.train import Work, check_labels, keep_model, note_fit, prepare, result, score, write_predictions

_NEEDS = {"cloudpickle": "cloudpickle", "skops": "skops.io"}


def adopt(task: dict[str, Any], out: Path, progress: Progress) -> dict[str, Any]:
    """Load ``task["model"]`` (file, format, trusted) from ``task["model_folder"]``, compile it and score all rows.

    Writes model.onnx and predictions.arrow as a training does; each row counts as scored by this one model. Raises
    TaskError for a model that cannot be read, is no classifier of two classes, or has no ONNX form.
    """
    data = prepare(pl.read_ipc(Path(task["data"])), task["inputs"])
    check_labels(task, data)
    work = Work(task, out, progress, None, data)
    progress.say("reading the model")
    entry.seed_everything(int(task["seed"]))
    started = time.perf_counter()
    named = task["model"]
    model = _read(Path(task["model_folder"]) / named["file"], named["format"], named.get("trusted") or [])
    estimator.check(model, "The registered model")
    note_fit(work, model, {"fold": None, "rows": 0, "seconds": round(time.perf_counter() - started, 3)})
    progress.say(f"scoring {data.height} rows", rows=data.height)
    over_all = score(work, model, data)
    keep_model(work, model, out / "model.onnx")
    write_predictions(out, np.zeros(data.height, dtype=np.int64), over_all, over_all)
    progress.say("measuring what each input contributes")
    return result(work, model)


def _read(file: Path, form: str, trusted: list[str]) -> Any:
    if form in _NEEDS:
        try:
            library = importlib.import_module(_NEEDS[form])
        except ImportError as error:
            raise TaskError("environment", f"The model was written with {form}, which the service's environment lacks.",
                            hint=f"Add {form} to its requirements.in and compile the lock anew.") from error
        if form == "skops":
            return _read_skops(library, file, trusted)
    with entry.UsersCode("The registered model, while it was read,"), file.open("rb") as stream:
        return pickle.load(stream)  # noqa: S301


def _read_skops(library: Any, file: Path, trusted: list[str]) -> Any:
    unknown = sorted(set(library.get_untrusted_types(file=file)) - set(trusted))
    if unknown:
        raise TaskError("not_trusted", f"The model holds types that nobody declared as trusted: {', '.join(unknown)}.",
                        hint="Log it again with skops_trusted_types=[…] naming them.")
    with entry.UsersCode("The registered model, while it was read,"):
        return library.load(file, trusted=trusted)
