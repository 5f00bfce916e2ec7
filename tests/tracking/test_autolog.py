"""What libraries log by themselves through MLflow's autologging."""

from __future__ import annotations

from collections.abc import Iterator

import lightgbm
import mlflow
import numpy as np
import pytest
import xgboost
from mlflow import MlflowClient
from mlflow.entities import Run
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

ROWS = np.random.default_rng(3).normal(size=(80, 3))
LABELS = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def run(client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[mlflow.ActiveRun]:
    """A run in which libraries log."""
    # The client would load each model in a process of its own only to see what it imports.
    monkeypatch.setattr(mlflow.models, "infer_pip_requirements", lambda *_, fallback, **__: fallback)
    with mlflow.start_run(experiment_id=experiment) as active:
        yield active
    for library in (mlflow.sklearn, mlflow.xgboost, mlflow.lightgbm):
        library.autolog(disable=True)


def found(client: MlflowClient, run: mlflow.ActiveRun) -> Run:
    mlflow.flush_async_logging()
    return client.get_run(run.info.run_id)


def test_sklearn(client: MlflowClient, run: mlflow.ActiveRun, experiment: str) -> None:
    mlflow.sklearn.autolog(log_models=True)
    LogisticRegression(C=0.5).fit(ROWS, LABELS)
    logged = found(client, run)
    assert logged.data.params["C"] == "0.5"
    assert logged.data.metrics["training_accuracy_score"] > 0.8
    assert logged.data.tags["estimator_name"] == "LogisticRegression"
    assert logged.inputs.dataset_inputs[0].tags[0].value == "train"
    model = client.search_logged_models([experiment])[0]
    assert (model.source_run_id, model.status) == (run.info.run_id, "READY")
    loaded = mlflow.sklearn.load_model(model.model_uri)
    assert loaded.C == 0.5
    assert {metric.key for metric in model.metrics} >= {"training_accuracy_score"}
    names = {one.path for one in client.list_artifacts(run.info.run_id)}
    assert "estimator.html" in names


def test_sklearn_search(client: MlflowClient, run: mlflow.ActiveRun, experiment: str) -> None:
    mlflow.sklearn.autolog(log_models=False, max_tuning_runs=2)
    GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(ROWS, LABELS)
    children = client.search_runs([experiment], f"tags.mlflow.parentRunId = '{run.info.run_id}'")
    assert sorted(child.data.params["C"] for child in children) == ["0.1", "1.0"]
    assert "best_C" in found(client, run).data.params


def test_xgboost(client: MlflowClient, run: mlflow.ActiveRun, experiment: str) -> None:
    mlflow.xgboost.autolog()
    xgboost.train({"objective": "binary:logistic", "max_depth": 2, "eval_metric": "logloss", "nthread": 1},
                  xgboost.DMatrix(ROWS, LABELS), num_boost_round=4,
                  evals=[(xgboost.DMatrix(ROWS, LABELS), "train")], verbose_eval=False)
    logged = found(client, run)
    assert logged.data.params["max_depth"] == "2"
    history = client.get_metric_history(run.info.run_id, "train-logloss")
    assert [point.step for point in history] == [0, 1, 2, 3]
    model = mlflow.xgboost.load_model(client.search_logged_models([experiment])[0].model_uri)
    assert model.num_boosted_rounds() == 4


def test_lightgbm(client: MlflowClient, run: mlflow.ActiveRun, experiment: str) -> None:
    mlflow.lightgbm.autolog()
    data = lightgbm.Dataset(ROWS, LABELS)
    lightgbm.train({"objective": "binary", "num_leaves": 3, "verbosity": -1, "num_threads": 1}, data,
                   num_boost_round=4, valid_sets=[data], valid_names=["train"])
    logged = found(client, run)
    assert logged.data.params["num_leaves"] == "3"
    assert len(client.get_metric_history(run.info.run_id, "train-binary_logloss")) == 4
    model = mlflow.lightgbm.load_model(client.search_logged_models([experiment])[0].model_uri)
    assert model.num_trees() == 4


def test_evaluation_of_a_model(client: MlflowClient, run: mlflow.ActiveRun) -> None:
    import pandas as pd

    frame = pd.DataFrame({"y": LABELS, "p": LABELS})
    mlflow.models.evaluate(data=frame, targets="y", predictions="p", model_type="classifier",
                           evaluator_config={"log_explainer": False})
    assert found(client, run).data.metrics["accuracy_score"] == 1.0
