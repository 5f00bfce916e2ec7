"""How well the generated functions do before anyone has changed them: the same folds as the platform will use."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stellwerk.cli.scaffold.look import FOLDS, Look
from stellwerk.cli.scaffold.write import PARAMS, SEED
from stellwerk.engines.child import Limits, run_child
from stellwerk.features.evaluations import choose_split, delong, split_rows
from stellwerk.infra.environments import default_lock, prepare_environment
from stellwerk.kernel.errors import BadInput


@dataclass(frozen=True)
class Baseline:
    """Out-of-fold ROC AUC with its interval, and the gate set from it."""

    value: float
    low: float
    high: float

    @property
    def limit(self) -> float:
        """The interval's lower bound rounded down to 0.01, never below 0.5."""
        return max(0.5, math.floor(self.low * 100) / 100)

    @property
    def words(self) -> str:
        """Where the gate comes from, for the manifest."""
        return f"measured by {FOLDS} folds: {self.value:.3f}, 95 % interval {self.low:.3f} to {self.high:.3f}"


def measure(bundle: Path, work: Path, environments: Path, look: Look, frame: pl.DataFrame) -> Baseline:
    """Train the generated function on the typed data in the default environment, compile it, and score its folds.

    ``work`` is a folder for what comes and goes. Raises BadInput when the functions fail on these data and
    Unavailable when the environment cannot be made.
    """
    environment = prepare_environment(environments, default_lock())
    flags = look.target.flags(frame).to_numpy()
    subject = look.names("subject")
    people = frame[subject[0]].to_list() if subject else list(range(frame.height))
    folds = split_rows(choose_split({"folds": FOLDS, "seed": SEED}, people, flags, {}), people, flags)
    data = work / "data.arrow"
    frame.write_ipc(data, compression="uncompressed")
    types = {column.name: column.type for column in look.columns}
    inputs = [{"name": name, "type": types[name]} for name in look.names("input")]
    result = run_child(environment.python, work / "child", {
        "kind": "train", "entry": "service:train", "bundle": str(bundle), "data": str(data), "params": PARAMS,
        "seed": SEED, "inputs": inputs, "target": look.target.name, "positive": look.target.positive,
        "subject": subject[0] if subject else None, **folds},
        Limits(), lambda event: None, lambda line: None, lambda: False)
    if "error" in result:
        error = result["error"]
        raise BadInput(f"No model could be fitted on these data: {error['message']}", field="--data",
                       hint=error.get("hint"), details=error.get("traceback") or result["log_tail"] or None)
    scores = pl.read_ipc(Path(result["out"]) / "predictions.arrow")["probability"].to_numpy()
    codes = np.unique(np.asarray(people), return_inverse=True)[1]
    found = delong(flags, np.asarray(scores, dtype=np.float64), codes)
    if found.value is None or found.low is None or found.high is None:
        raise BadInput("The baseline could not be measured: a label is missing.", field="--target",
                       value=look.target.name)
    return Baseline(found.value, found.low, found.high)
