"""Compiled models answer as their estimators do, row by row and as a table, with missing values and text."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from stellwerk.engines.onnx import OnnxModel
from stellwerk_runner.compile import compile_model

INPUTS = [("income", "number"), ("years", "integer"), ("town", "string"), ("married", "boolean")]
KINDS = [{"name": name, "type": kind} for name, kind in INPUTS]
NUMBERS = ["income", "years", "married"]
ESTIMATORS = {
    "linear": lambda: LogisticRegression(C=2.0),
    "forest": lambda: RandomForestClassifier(20, max_depth=5, random_state=0),
    "boosted": lambda: GradientBoostingClassifier(n_estimators=20, random_state=0),
}


@cache
def table(rows: int = 400) -> pl.DataFrame:
    rng = np.random.default_rng(11)
    return pl.DataFrame({
        "income": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(40, 15, rows)),
        "years": rng.integers(0, 9, rows).astype(float), "town": rng.choice(["north", "südlich", ""], rows),
        "married": rng.integers(0, 2, rows).astype(float)})


@cache
def fitted(kind: str, unknown: str = "ignore") -> Any:
    frame = table()
    target = np.where(frame["income"].fill_nan(40) + 4 * frame["years"] + 9 * (frame["town"] == "north").cast(pl.Float64) > 60,
                      "paid", "late")
    parts = make_column_transformer((make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
                                    (OneHotEncoder(handle_unknown=unknown), ["town"]))
    return make_pipeline(parts, ESTIMATORS[kind]()).fit(frame, target)


@cache
def model(kind: str, unknown: str = "ignore") -> OnnxModel:
    return OnnxModel(compile_model(fitted(kind, unknown), KINDS, "paid"), INPUTS)


def expected(kind: str, frame: pl.DataFrame) -> np.ndarray:
    estimator = fitted(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return np.asarray(estimator.predict_proba(frame)[:, list(estimator.classes_).index("paid")])


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_table_scores_as_the_estimator_does(kind: str) -> None:
    frame = table()
    found = model(kind).score({name: frame[name].to_numpy() for name in frame.columns})
    assert found.dtype == np.float64
    assert found.shape == (frame.height,)
    apart = np.abs(found - expected(kind, frame))
    # 32 bits may put a number on the other side of a tree's split: a few rows differ by the share of some trees.
    assert np.quantile(apart, 0.95) < 1e-5
    assert apart.max() < 0.1


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_one_row_scores_as_it_does_in_a_table(kind: str) -> None:
    rows = table(60).rows(named=True)
    whole = model(kind).score({name: [row[name] for row in rows] for name, _ in INPUTS})
    # The runtime adds many rows up in another order than one: the last bits of 32 may differ.
    assert [model(kind).score_one(row) for row in rows] == pytest.approx(whole.tolist(), abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(income=st.none() | st.floats(-3.4e38, 3.4e38) | st.integers(-10**38, 10**38), years=st.none() | st.integers(0, 50),
       town=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
       married=st.none() | st.booleans())
def test_any_row_scores_alike_alone_and_in_a_table(income: Any, years: Any, town: Any, married: Any) -> None:
    row = {"income": income, "years": years, "town": town, "married": married}
    alone = model("linear").score_one(row)
    among = model("linear").score({name: [value, value] for name, value in row.items()})
    assert among.tolist() == pytest.approx([alone, alone], abs=1e-6)
    assert 0 <= alone <= 1


def test_a_missing_number_is_nan_and_missing_text_is_empty() -> None:
    missing = {"income": None, "years": None, "town": None, "married": None}
    same = {"income": float("nan"), "years": float("nan"), "town": "", "married": float("nan")}
    frame = pl.DataFrame({name: [value] for name, value in same.items()})
    assert model("linear").score_one(missing) == model("linear").score_one(same)
    assert model("linear").score_one(missing) == pytest.approx(expected("linear", frame)[0], abs=1e-6)


def test_text_is_told_apart_also_beyond_ascii() -> None:
    row = {"income": 40.0, "years": 4, "married": True}
    scores = {town: model("linear").score_one({**row, "town": town}) for town in ("north", "südlich", "", "unseen")}
    assert len(set(scores.values())) == 4
    frame = pl.DataFrame({name: [float(value)] * 4 for name, value in row.items()} | {"town": list(scores)})
    assert list(scores.values()) == pytest.approx(expected("linear", frame.select(table().columns)).tolist(), abs=1e-6)


def test_a_category_that_the_model_refuses_is_said_so() -> None:
    strict = model("linear", "error")
    row = {"income": 40.0, "years": 4, "town": "north", "married": True}
    assert 0 < strict.score_one(row) < 1
    with pytest.raises(ValueError, match="cannot score"):
        strict.score_one({**row, "town": "unseen"})
    with pytest.raises(ValueError, match="cannot score"):
        strict.score({name: [value] for name, value in {**row, "town": "unseen"}.items()})


def test_a_model_without_preparing_steps_takes_its_columns_by_name() -> None:
    frame = table().select("income", "years").fill_nan(40.0)
    target = frame["income"].to_numpy() > 40
    estimator = LogisticRegression().fit(frame, target)
    kinds = [{"name": "years", "type": "integer"}, {"name": "income", "type": "number"}]
    made = OnnxModel(compile_model(estimator, kinds, True), [("years", "integer"), ("income", "number")])
    assert made.columns == ["income", "years"]
    found = [made.score_one({"years": row["years"], "income": row["income"]}) for row in frame.rows(named=True)]
    assert np.abs(np.array(found) - estimator.predict_proba(frame)[:, 1]).max() < 1e-5


@pytest.mark.parametrize(("inputs", "says"), [
    (INPUTS[1:], r"lacks: \['income'\]"), ([("town", "number"), *[each for each in INPUTS if each[0] != "town"]],
                                           "another type .*town"),
    ([("income", "string"), *INPUTS[1:]], "another type .*income")])
def test_a_contract_that_does_not_fit_the_model_is_refused(inputs: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        OnnxModel(compile_model(fitted("linear"), KINDS, "paid"), inputs)
