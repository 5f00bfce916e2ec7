"""The story of the first example, measured: plain fails, a lower threshold is undecided, reweighed passes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest

from stellwerk.engines.child import Limits, run_child
from stellwerk.features.evaluations.evaluate import Columns, EvaluationResult, evaluate
from stellwerk.features.evaluations.parity import parity
from stellwerk.features.evaluations.plan import DecisionRule, choose_split, fold_of_rows, make_plan, split_rows
from stellwerk.infra.environments import find_environment, lock_hash
from stellwerk.infra.settings import Home, load_settings
from stellwerk.manifest import Manifest, load_manifest
from stellwerk.protocols.odcs import Contract, parse_contract

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "mortgage-decisions"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return load_manifest(FOLDER / "stellwerk.yaml")


@pytest.fixture(scope="module")
def contract(manifest: Manifest) -> Contract:
    return parse_contract((FOLDER / manifest.data.contract).read_text(encoding="utf-8"), manifest.data.contract)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the interpreter of the example's locked environment, made by ``make prepared``."""
    root = Path(load_settings(Home(tmp_path_factory.mktemp("home"))).environments)
    found = find_environment(root, lock_hash((FOLDER / "requirements.lock").read_bytes()))
    if found is None:
        pytest.skip("the example's environment is not there; make it with: make prepared")
    return found.python


def run(python: Path, folder: Path, task: dict[str, Any]) -> dict[str, Any]:
    result = run_child(python, folder, {"bundle": str(FOLDER), **task}, Limits(), lambda event: None,
                       lambda line: None, lambda: False)
    assert "error" not in result, result["error"]
    return result


@pytest.fixture(scope="module")
def data(python: Path, tmp_path_factory: pytest.TempPathFactory, manifest: Manifest,
         contract: Contract) -> pl.DataFrame:
    result = run(python, tmp_path_factory.mktemp("load"), {"kind": "load", "entry": manifest.data.source})
    return pl.read_ipc(Path(result["out"]) / "data.arrow").select(contract.columns)


@pytest.fixture(scope="module")
def split(manifest: Manifest, data: pl.DataFrame) -> dict[str, Any]:
    return choose_split({"folds": manifest.evaluate.folds, "seed": manifest.evaluate.seed},
                        data["application_id"].to_list(), data["approved"].to_numpy(), {"race": data["race"].to_list()})


class Trained:
    """One version: scores of every row by the compiled model of its fold, and by the estimator."""

    def __init__(self, result: dict[str, Any], data: pl.DataFrame, folds: np.ndarray) -> None:
        self.result = result
        out = Path(result["out"])
        self.estimator = pl.read_ipc(out / "predictions.arrow")["probability"].to_numpy()
        self.compiled = np.empty(data.height)
        for fold in range(5):
            rows = np.flatnonzero(folds == fold)
            self.compiled[rows] = _score(out / f"fold_{fold}.onnx", data[rows])


def _score(model: Path, rows: pl.DataFrame) -> np.ndarray:
    session = ort.InferenceSession(str(model))
    feed = {}
    for each in session.get_inputs():
        text = each.type == "tensor(string)"
        feed[each.name] = rows[each.name].to_numpy().astype(object if text else np.float32).reshape(-1, 1)
    return np.asarray(session.run(["probabilities"], feed)[0])[:, 1]


@pytest.fixture(scope="module")
def versions(python: Path, tmp_path_factory: pytest.TempPathFactory, manifest: Manifest, contract: Contract,
             data: pl.DataFrame, split: dict[str, Any]) -> dict[bool, Trained]:
    rows = split_rows(split, data["application_id"].to_list(), data["approved"].to_numpy())
    file = tmp_path_factory.mktemp("data") / "data.arrow"
    data.write_ipc(file, compression="uncompressed")
    inputs = [{"name": name, "type": contract.column(name).type} for name in manifest.inputs(contract.columns)]
    task = {"kind": "train", "entry": manifest.train, "data": str(file), "seed": manifest.evaluate.seed,
            "inputs": inputs, "target": manifest.target, "positive": True, "subject": manifest.subject, **rows}
    return {reweigh: Trained(run(python, tmp_path_factory.mktemp("train"),
                                 {**task, "params": {**manifest.params, "reweigh": reweigh}}),
                             data, fold_of_rows(rows, data.height))
            for reweigh in (False, True)}


def judged(manifest: Manifest, data: pl.DataFrame, split: dict[str, Any], scores: np.ndarray,
           threshold: float) -> EvaluationResult:
    plan = make_plan(target=manifest.target, positive=True, subject=manifest.subject, protected=manifest.protected,
                     serve={"threshold": threshold, "below": manifest.serve.below}, split=split,
                     metrics=manifest.evaluate.metrics, gates=[gate.plain() for gate in manifest.gates])
    rows = split_rows(split, data["application_id"].to_list(), data["approved"].to_numpy())
    columns = Columns(data["approved"].to_numpy(), data["application_id"].to_list(), fold_of_rows(rows, data.height),
                      {"race": data["race"].to_list()})
    return evaluate(columns, scores, plan)


@pytest.mark.parametrize(("reweigh", "threshold", "ratio", "verdict"), [
    (False, 0.8, (0.72, 0.66, 0.78), "fail"),
    (False, 0.65, (0.846, 0.798, 0.887), "undecided"),
    (True, 0.65, (0.877, 0.83, 0.914), "pass"),
])
def test_the_story(manifest: Manifest, data: pl.DataFrame, split: dict[str, Any], versions: dict[bool, Trained],
                   reweigh: bool, threshold: float, ratio: tuple[float, float, float], verdict: str) -> None:
    found = judged(manifest, data, split, versions[reweigh].compiled, threshold)
    gate = next(row for row in found.verdicts if row["gate"] == "selection_rate_ratio:race")
    assert gate["verdict"] == found.verdict == verdict
    assert (gate["value"], gate["low"], gate["high"]) == pytest.approx(ratio, abs=0.006)
    assert (gate["group"], gate["reference"]) == ("black", "other")
    assert found.verdicts[0]["verdict"] == "pass"
    assert found.verdicts[2]["verdict"] == "not_applicable"
    assert found.result["leakage"]["holds"]


def test_the_price_of_passing(manifest: Manifest, data: pl.DataFrame, split: dict[str, Any],
                              versions: dict[bool, Trained]) -> None:
    before = judged(manifest, data, split, versions[False].compiled, 0.8).result["price"]["race"]["groups"]
    after = judged(manifest, data, split, versions[True].compiled, 0.65).result["price"]["race"]["groups"]
    assert {row["group"]: row["of"] for row in after} == {"black": 96, "other": 189}
    assert {row["group"]: row["value"] for row in before} == pytest.approx({"black": 0.354, "other": 0.587}, abs=0.02)
    assert {row["group"]: row["value"] for row in after} == pytest.approx({"black": 0.615, "other": 0.772}, abs=0.02)


def test_compiled_models_decide_like_the_estimators(versions: dict[bool, Trained]) -> None:
    rule = DecisionRule.of({"threshold": 0.65})
    for trained in versions.values():
        found = parity(trained.estimator, trained.compiled, rule.decide)
        assert found["holds"]
        assert found["flips"] == 0


def test_the_two_inputs_that_are_excluded_never_reach_the_model(manifest: Manifest, contract: Contract,
                                                                versions: dict[bool, Trained]) -> None:
    session = ort.InferenceSession(str(Path(versions[True].result["out"]) / "model.onnx"))
    names = [each.name for each in session.get_inputs()]
    assert names == list(manifest.inputs(contract.columns))
    assert not {"insurance", "single", "race", "application_id"} & set(names)


def test_the_examples_own_tests_pass_without_the_platform(python: Path) -> None:
    code = ("import runpy; names = runpy.run_path('tests/test_service.py'); "
            "found = [names[name]() for name in names if name.startswith('test_')]; assert len(found) == 3")
    done = subprocess.run([str(python), "-c", code], cwd=FOLDER, env={"PATH": "/usr/bin"}, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_manifest_and_functions_stay_short() -> None:
    lines = [line for name in ("stellwerk.yaml", "service.py")
             for line in (FOLDER / name).read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 46
