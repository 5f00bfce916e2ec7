"""Shapley values against shap, by hand, and in their properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.engines.explain import Explanation, explain

NAMES = ["a", "b", "c", "d", "e"]


def curved(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    z = columns["a"] * columns["b"] + np.sin(3 * columns["c"]) + 0.5 * columns["d"] ** 2
    return np.asarray(1 / (1 + np.exp(-z)))


def world(seed: int = 0, rows: int = 40) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return {name: float(rng.normal()) for name in NAMES}, {name: rng.normal(size=rows) for name in NAMES}


def total(found: Explanation) -> float:
    return found.base + sum(found.contributions.values())


def test_exact_values_are_shaps() -> None:
    shap = pytest.importorskip("shap")
    row, background = world()
    table = np.column_stack([background[name] for name in NAMES])
    explainer = shap.explainers.Exact(
        lambda data: curved({name: data[:, place] for place, name in enumerate(NAMES)}),
        shap.maskers.Independent(table, max_samples=len(table)))
    theirs = explainer(np.array([[row[name] for name in NAMES]]))
    mine = explain(curved, row, background)
    assert mine.exact
    assert mine.base == pytest.approx(float(theirs.base_values[0]))
    for place, name in enumerate(NAMES):
        assert mine.contributions[name] == pytest.approx(float(theirs.values[0, place]), abs=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([500, 4000, 1 << 17]))
def test_contributions_add_up_to_the_score(seed: int, budget: int) -> None:
    row, background = world(seed)
    found = explain(curved, row, background, seed=seed, budget_rows=budget)
    here = float(curved({name: np.array([value]) for name, value in row.items()})[0])
    assert found.score == pytest.approx(here, abs=1e-12)
    assert total(found) == pytest.approx(found.score, abs=1e-12)
    assert found.base == pytest.approx(float(curved(background).mean()), abs=1e-12)


def test_an_input_that_does_not_matter_gets_nothing() -> None:
    row, background = world()
    assert explain(curved, row, background).contributions["e"] == pytest.approx(0, abs=1e-15)
    assert explain(curved, row, background, budget_rows=900).contributions["e"] == pytest.approx(0, abs=1e-15)


def test_sampling_is_seeded_and_comes_near_the_exact_values() -> None:
    row, background = world(4, rows=30)
    exact = explain(curved, row, background)
    first = explain(curved, row, background, seed=3, budget_rows=900)
    assert not first.exact
    assert first.rows_scored <= 900
    assert first == explain(curved, row, background, seed=3, budget_rows=900)
    for name in NAMES:
        assert first.contributions[name] == pytest.approx(exact.contributions[name], abs=6 * first.errors[name] + 1e-9)
    assert explain(curved, row, background, seed=4, budget_rows=200).contributions != explain(
        curved, row, background, seed=5, budget_rows=200).contributions


def test_an_additive_model_is_read_off() -> None:
    row, background = world(1)
    found = explain(lambda columns: 0.1 * columns["a"] - 0.2 * columns["b"], row, background)
    assert found.contributions["a"] == pytest.approx(0.1 * (row["a"] - background["a"].mean()))
    assert found.contributions["b"] == pytest.approx(-0.2 * (row["b"] - background["b"].mean()))
    assert [each["input"] for each in found.as_json()["inputs"]][2:] == ["c", "d", "e"]


def test_text_and_many_inputs() -> None:
    names = [f"n{number}" for number in range(70)]
    background: dict[str, np.ndarray] = {name: np.zeros(5) for name in names}
    background["town"] = np.array(["x", "y", "", "x", "x"])
    row: dict[str, Any] = dict.fromkeys(names, 1.0) | {"town": "a long name that no background row has"}
    found = explain(lambda columns: (columns["town"] == row["town"]) * 0.5 + columns["n3"] * 0.1, row, background)
    assert not found.exact
    assert found.contributions["town"] == pytest.approx(0.5)
    assert found.contributions["n3"] == pytest.approx(0.1)
    assert total(found) == pytest.approx(0.6)


@pytest.mark.parametrize(("row", "background"), [
    ({"a": 1.0}, {"b": np.zeros(3)}), ({"a": 1.0}, {"a": np.zeros(0)}),
    ({"a": 1.0, "b": 2.0}, {"a": np.zeros(3), "b": np.zeros(2)}), ({}, {}),
])
def test_row_and_background_must_match(row: dict[str, float], background: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match=r"background"):
        explain(curved, row, background)
