"""Made-up applications with the columns of the example's contract, and a model that was really fitted and compiled."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stellwerk.features.datasets.profile import profile
from stellwerk.kernel import canonical_json
from stellwerk.manifest import parse_manifest
from stellwerk.protocols.odcs import Contract, parse_contract

EXAMPLE = Path(__file__).parent.parent / "examples" / "mortgage-decisions"
ROWS = 2380
OF_GROUP = 339


@dataclass(frozen=True)
class SampleModel:
    """What every sample service shares: contract, rows, profile, and the compiled model with its background."""

    contract: Contract
    frame: pl.DataFrame
    profile: dict[str, Any]
    inputs: list[dict[str, str]]
    onnx: bytes
    background: bytes


def manifest_text(name: str, title: str, team: str, threshold: float, reweigh: bool) -> str:
    """Return the example's manifest under another name."""
    text = (EXAMPLE / "stellwerk.yaml").read_text(encoding="utf-8")
    changes = {"service": name, "title": title, "team": team, "params": f"{{C: 1.0, reweigh: {str(reweigh).lower()}}}",
               "serve": f"{{threshold: {threshold}, below: review}}"}
    lines = [f"{key}: {changes[key]}" if (key := line.partition(":")[0]) in changes else line
             for line in text.splitlines()]
    return "\n".join(lines) + "\n"


def applications() -> pl.DataFrame:
    """Return made-up applications in the form of the example's."""
    rng = np.random.default_rng(5)
    black = np.zeros(ROWS, dtype=bool)
    black[rng.choice(ROWS, OF_GROUP, replace=False)] = True
    payment = np.clip(rng.normal(0.33, 0.1, ROWS), 0, 3).round(3)
    history = rng.choice([1, 2, 3, 4, 5, 6], ROWS, p=[0.57, 0.19, 0.05, 0.03, 0.08, 0.08])
    record = rng.random(ROWS) < 0.07
    value = np.clip(rng.normal(0.74, 0.17, ROWS), 0.02, 1.95).round(3)
    leaning = 3.6 - 3.2 * (payment - 0.33) - 0.32 * (history - 1) - 1.5 * record - 1.4 * (value - 0.74) - 0.5 * black
    answers = {name: np.where(rng.random(ROWS) < share, "yes", "no") for name, share in (
        ("self_employed", 0.12), ("condominium", 0.29), ("high_school", 0.98), ("insurance", 0.02), ("single", 0.39))}
    return pl.DataFrame({
        "application_id": np.arange(1, ROWS + 1), "payment_ratio": payment,
        "housing_ratio": np.clip(payment - rng.uniform(0, 0.15, ROWS), 0, 3).round(3), "loan_to_value": value,
        "credit_history": history, "mortgage_history": rng.choice([1, 2, 3, 4], ROWS, p=[0.31, 0.66, 0.02, 0.01]),
        "public_record": np.where(record, "yes", "no"),
        "unemployment": rng.choice([1.8, 3.1, 3.2, 3.6, 3.9, 4.3, 8.9, 10.6], ROWS), **answers,
        "race": np.where(black, "black", "other"), "approved": rng.random(ROWS) < 1 / (1 + np.exp(-leaning))})


@cache
def sample_model() -> SampleModel:
    """Fit and compile a model once; later calls return the same."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from stellwerk_runner.compile import compile_model

    file = EXAMPLE / "contracts" / "applications.odcs.yaml"
    contract = parse_contract(file.read_text(encoding="utf-8"), file.name)
    manifest = parse_manifest((EXAMPLE / "stellwerk.yaml").read_text(encoding="utf-8"), "stellwerk.yaml")
    frame = applications().select(contract.columns)
    inputs = [{"name": name, "type": contract.column(name).type} for name in manifest.inputs(contract.columns)]
    words = [entry["name"] for entry in inputs if entry["type"] == "string"]
    numbers = [entry["name"] for entry in inputs if entry["type"] != "string"]
    fitted = make_pipeline(
        make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), words)),
        LogisticRegression(max_iter=1000)).fit(frame, frame["approved"].to_list())
    background = frame.select(entry["name"] for entry in inputs)[:100].to_dict(as_series=False)
    return SampleModel(contract=contract, frame=frame, profile=profile(frame), inputs=inputs,
                       onnx=compile_model(fitted, inputs, True), background=canonical_json.dumps(background))
