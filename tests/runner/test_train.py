"""Training by folds and holdout, compiled models, and every way in which a train function can be wrong."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import polars as pl
import pytest

from stellwerk_runner.failures import TaskError, UserError
from stellwerk_runner.progress import Progress
from stellwerk_runner.train import train

Run = Callable[..., dict[str, Any]]
_numbers = itertools.count()
PREAMBLE = """
import numpy as np
import polars as pl
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
"""


@pytest.fixture
def table() -> pl.DataFrame:
    """Return 400 rows with a number, an integer, text with gaps, a protected group and a target."""
    rng = np.random.default_rng(3)
    rows = 400
    income, years = rng.normal(size=rows), rng.integers(0, 6, rows)
    town = rng.choice(["north", "south", ""], rows)
    paid = income + 0.3 * years + (town == "north") + rng.normal(size=rows) > 1
    return pl.DataFrame({
        "person": np.arange(rows), "income": income, "years": years,
        "town": [name or None for name in town], "group": rng.choice(["u", "v"], rows), "paid": paid})


INPUTS = [{"name": "income", "type": "number"},
          {"name": "years", "type": "integer"},
          {"name": "town", "type": "string"}]
GOOD = """
def train(data, params):
    parts = make_column_transformer((StandardScaler(), ["income", "years"]),
                                    (OneHotEncoder(handle_unknown="ignore"), ["town"]))
    return make_pipeline(parts, LogisticRegression(C=params.get("C", 1.0))).fit(data, data["paid"])
"""


@pytest.fixture
def run_train(tmp_path: Path, table: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that trains with the given source and returns the result; files lie in tmp_path/out-N."""

    def run(source: str, **changes: Any) -> dict[str, Any]:
        module = f"service_{next(_numbers)}"
        bundle = tmp_path / "bundle"
        bundle.mkdir(exist_ok=True)
        (bundle / f"{module}.py").write_text(PREAMBLE + textwrap.dedent(source), encoding="utf-8")
        monkeypatch.syspath_prepend(bundle)
        out = tmp_path / f"out-{module}"
        out.mkdir()
        data: pl.DataFrame = changes.pop("table", table)
        data.write_ipc(out / "data.arrow", compression="uncompressed")
        task = {"kind": "train", "bundle": str(bundle), "entry": f"{module}:train", "data": str(out / "data.arrow"),
                "params": {}, "seed": 7, "inputs": INPUTS, "target": "paid", "positive": True, "subject": "person",
                "folds": [list(range(k, data.height, 4)) for k in range(4)], **changes}
        with Progress(out / "events.jsonl") as progress:
            return {**train(task, out, progress), "out": out}

    return run


def scores(model: Path, rows: pl.DataFrame) -> np.ndarray:
    session = ort.InferenceSession(str(model))
    feed = {}
    for each in session.get_inputs():
        column = rows[each.name]
        if each.type == "tensor(string)":
            feed[each.name] = column.fill_null("").to_numpy().astype(object).reshape(-1, 1)
        else:
            feed[each.name] = column.cast(pl.Float64).to_numpy().astype(np.float32).reshape(-1, 1)
    return np.asarray(session.run(["probabilities"], feed)[0])[:, 1]


def test_folds_score_each_row_once_by_a_model_that_did_not_see_it(run_train: Run, table: pl.DataFrame) -> None:
    result = run_train("""
        class Memory(LogisticRegression):
            pass
        def train(data, params):
            assert data["person"].n_unique() == data.height
            return make_pipeline(StandardScaler(), LogisticRegression()).fit(
                data.select("income", "years"), data["paid"])
    """, inputs=INPUTS[:2])
    predictions = pl.read_ipc(result["out"] / "predictions.arrow")
    assert predictions["fold"].to_list() == [row % 4 for row in range(table.height)]
    for fold in range(4):
        mine = predictions.filter(pl.col("fold") == fold)
        compiled = scores(result["out"] / f"fold_{fold}.onnx", table[mine["row"].to_list()])
        np.testing.assert_allclose(compiled, mine["probability"], atol=1e-6)
    np.testing.assert_allclose(scores(result["out"] / "model.onnx", table), predictions["released"], atol=1e-6)
    assert [fit["rows"] for fit in result["fits"]] == [300] * 4 + [400]


def test_holdout_rows_are_left_out_of_the_released_model(run_train: Run, table: pl.DataFrame) -> None:
    result = run_train(GOOD, folds=None, holdout=[1, 5, 9])
    predictions = pl.read_ipc(result["out"] / "predictions.arrow")
    assert [fit["rows"] for fit in result["fits"]] == [397]
    assert predictions.filter(pl.col("fold").is_not_null())["row"].to_list() == [1, 5, 9]
    assert predictions["probability"].null_count() == 397
    assert not (result["out"] / "fold_0.onnx").exists()


def test_equal_inputs_give_equal_bytes(run_train: Run) -> None:
    forest = """
        def train(data, params):
            return RandomForestClassifier(5).fit(data.select("income", "years"), data["paid"])
    """
    first, second = run_train(forest, inputs=INPUTS[:2]), run_train(forest, inputs=INPUTS[:2])
    other = run_train(forest, inputs=INPUTS[:2], seed=8)
    def read(result: dict[str, Any]) -> bytes:
        return bytes((result["out"] / "model.onnx").read_bytes())
    assert read(first) == read(second)
    assert read(first) != read(other)


def test_positive_label_may_be_the_first_class(run_train: Run, table: pl.DataFrame) -> None:
    named = table.with_columns(paid=pl.when("paid").then(pl.lit("yes")).otherwise(pl.lit("no")))
    result = run_train(GOOD, table=named, positive="no")
    predictions = pl.read_ipc(result["out"] / "predictions.arrow")
    np.testing.assert_allclose(scores(result["out"] / "model.onnx", named), predictions["released"], atol=1e-6)
    assert predictions.filter(named["paid"] == "no")["released"].mean() > 0.5
    assert result["classes"] == ["no", "yes"]


def test_odd_and_clashing_column_names_keep_their_names(run_train: Run, table: pl.DataFrame) -> None:
    renamed = table.rename({"income": "label", "years": "amount in €"})
    result = run_train("""
        def train(data, params):
            parts = make_column_transformer((StandardScaler(), ["label", "amount in €"]),
                                            (OneHotEncoder(handle_unknown="ignore"), ["town"]))
            return make_pipeline(parts, LogisticRegression()).fit(data, data["paid"])
    """, table=renamed, inputs=[{"name": "label", "type": "number"}, {"name": "amount in €", "type": "number"},
                               INPUTS[2]])
    predictions = pl.read_ipc(result["out"] / "predictions.arrow")
    session = ort.InferenceSession(str(result["out"] / "model.onnx"))
    assert [each.name for each in session.get_inputs()] == ["label", "amount in €", "town"]
    np.testing.assert_allclose(scores(result["out"] / "model.onnx", renamed), predictions["released"], atol=1e-6)


def test_missing_text_is_empty_and_missing_numbers_stay_missing(run_train: Run, table: pl.DataFrame) -> None:
    gaps = table.with_columns(income=pl.when(pl.col("person") % 7 == 0).then(None).otherwise("income"),
                              group=pl.when(pl.col("person") % 5 == 0).then(None).otherwise("group"))
    result = run_train("""
        def train(data, params):
            assert data["town"].null_count() == 0 and "" in data["town"]
            assert data["income"].null_count() > 0 and data["group"].null_count() > 0
            assert data.schema["years"] == pl.Int64 and data.schema["paid"] == pl.Boolean
            parts = make_column_transformer((make_pipeline(SimpleImputer(), StandardScaler()), ["income", "years"]),
                                            (OneHotEncoder(handle_unknown="ignore"), ["town"]))
            return make_pipeline(parts, LogisticRegression()).fit(data, data["paid"])
    """, table=gaps)
    predictions = pl.read_ipc(result["out"] / "predictions.arrow")
    np.testing.assert_allclose(scores(result["out"] / "model.onnx", gaps), predictions["released"], atol=1e-6)


def test_seeds_are_set_before_each_fit(run_train: Run) -> None:
    result = run_train("""
        import random
        drawn = []
        def train(data, params):
            drawn.append((random.random(), np.random.random()))
            assert drawn[0] == drawn[-1]
            return LogisticRegression().fit(data.select("income", "years"), data["paid"])
    """, inputs=INPUTS[:2])
    assert len(result["fits"]) == 5


def test_importances_name_what_matters_most(run_train: Run) -> None:
    result = run_train(GOOD)
    assert {each["input"] for each in result["importances"]} == {"income", "years", "town"}
    assert result["importances"][0]["input"] == "income"
    assert result["importances"][0]["drop"] > 0.05


@pytest.mark.parametrize(("source", "kind", "says"), [
    ("def train(data, params):\n    model = LogisticRegression()\n", "bad_return", "returned nothing"),
    ("def train(data, params):\n    return LogisticRegression\n", "bad_return", "the class LogisticRegression itself"),
    ("def train(data, params):\n    return LogisticRegression()\n", "bad_return", "not fitted"),
    ("def train(data, params):\n    return 'model'\n", "bad_return", "no predict_proba"),
    ("def fit(data, params):\n    return 1\n", "bad_entry", "no function train"),
    ("def train(data, params):\n    return LogisticRegression().fit(data.select('income'), data['years'])\n",
     "bad_return", "6 classes"),
    ("def train(data, params):\n    return LogisticRegression().fit(data.select('income', 'person'), data['paid'])\n",
     "uses_other_columns", "person"),
    ("def train(data, params):\n"
     "    parts = make_column_transformer((OneHotEncoder(), ['group', 'town']), (StandardScaler(), ['income']))\n"
     "    return make_pipeline(parts, LogisticRegression()).fit(data, data['paid'])\n",
     "uses_other_columns", "group"),
    ("def train(data, params):\n"
     "    return HistGradientBoostingClassifier().fit(data.select('income', 'years'), data['paid'])\n",
     "not_convertible", "HistGradientBoostingClassifier"),
])
def test_wrong_functions_are_told_what_is_wrong(run_train: Run, source: str, kind: str, says: str) -> None:
    with pytest.raises(TaskError) as caught:
        run_train(source)
    assert caught.value.kind == kind
    assert says in caught.value.message
    assert caught.value.hint


def test_refusal_names_the_forms_that_convert(run_train: Run) -> None:
    with pytest.raises(TaskError) as caught:
        run_train("def train(data, params):\n"
                  "    return HistGradientBoostingClassifier().fit(data.select('income', 'years'), data['paid'])\n")
    assert "RandomForestClassifier" in caught.value.hint
    assert caught.value.details["refused"] == "HistGradientBoostingClassifier"


def test_an_exception_of_the_function_is_the_users(run_train: Run) -> None:
    with pytest.raises(UserError) as caught:
        run_train("def train(data, params):\n    return data['nothing']\n")
    assert isinstance(caught.value.__cause__, pl.exceptions.ColumnNotFoundError)


@pytest.mark.parametrize("changes", [{"target": "nothing"}, {"positive": "maybe"}, {"target": "years", "positive": 1},
                                     {"inputs": [*INPUTS, {"name": "lost", "type": "number"}]},
                                     {"inputs": [*INPUTS, {"name": "group", "type": "date"}]}])
def test_data_that_cannot_be_trained_on(run_train: Run, changes: dict[str, Any]) -> None:
    with pytest.raises(TaskError) as caught:
        run_train(GOOD, **changes)
    assert caught.value.kind == "bad_data"


def test_folds_and_holdout_exclude_each_other(run_train: Run) -> None:
    with pytest.raises(TaskError, match="either folds or a holdout"):
        run_train(GOOD, holdout=[1])
