"""Three-valued gates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.features.evaluations.plan import gate_plans
from stellwerk.features.evaluations.verdicts import against_limit, judge, overall, words
from stellwerk.kernel.errors import BadInput

MINIMUM = {"group": 100, "class": 30}


def figure(low: float, value: float, high: float, n: int = 500) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "n": n}


@pytest.mark.parametrize(("found", "by_interval", "by_point"), [
    (figure(0.65, 0.72, 0.77), "fail", "fail"), (figure(0.78, 0.83, 0.87), "undecided", "pass"),
    (figure(0.82, 0.86, 0.9), "pass", "pass"), (figure(0.8, 0.85, 0.9), "pass", "pass"),
    (figure(0.7, 0.79, 0.85), "undecided", "fail"), (figure(0.7, 0.75, 0.8), "undecided", "fail"),
])
def test_at_least(found: dict[str, Any], by_interval: str, by_point: str) -> None:
    assert against_limit(found, "at_least", 0.8, "interval") == by_interval
    assert against_limit(found, "at_least", 0.8, "point") == by_point


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(sorted), st.floats(-1, 1),
       st.sampled_from(["interval", "point"]))
def test_at_most_is_at_least_of_the_negative(numbers: list[float], limit: float, how: str) -> None:
    low, value, high = numbers
    assert against_limit(figure(low, value, high), "at_most", limit, how) == against_limit(
        figure(-high, -value, -low), "at_least", -limit, how)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted), st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_limit_never_gives_a_better_verdict(numbers: list[float], first: float, second: float) -> None:
    order = ["fail", "undecided", "pass"]
    found = figure(*numbers)
    loose = against_limit(found, "at_least", min(first, second), "interval")
    strict = against_limit(found, "at_least", max(first, second), "interval")
    assert order.index(strict) <= order.index(loose)


def result(**changes: Any) -> dict[str, Any]:
    pair = {"group": "black", "reference": "other", "few": None, "ratio": figure(0.65, 0.72, 0.77),
            "difference": figure(0.2, 0.25, 0.3)}
    return {"n": 500, "positives": 300, "negatives": 200, "champion": None,
            "metrics": {"roc_auc": figure(0.7, 0.78, 0.82), "brier": figure(0.1, 0.12, 0.14)},
            "groups": {"race": {"comparisons": {"selection_rate": [pair]}}}, **changes}


def verdict(gate: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    return judge({"gates": gate_plans([gate], ["race"]), "minimum": MINIMUM}, found)[0]


def test_quality_gates_judge_by_point_unless_told() -> None:
    assert verdict({"metric": "roc_auc", "at_least": 0.75}, result())["verdict"] == "pass"
    told = verdict({"metric": "roc_auc", "at_least": 0.75, "judge": "interval"}, result())
    assert told["verdict"] == "undecided"
    assert "spans the limit" in told["reason"]
    assert verdict({"metric": "brier", "at_most": 0.11}, result())["verdict"] == "fail"


def test_group_gates_judge_by_interval_and_name_the_group() -> None:
    found = verdict({"metric": "selection_rate_ratio", "by": "race", "at_least": 0.8}, result())
    assert found["gate"] == "selection_rate_ratio:race"
    assert (found["verdict"], found["group"], found["reference"]) == ("fail", "black", "other")
    assert "0.72 [0.65, 0.77]" in found["reason"]
    assert verdict({"metric": "selection_rate_difference", "by": "race", "at_most": 0.25}, result())[
        "verdict"] == "undecided"


def test_the_worst_pair_decides() -> None:
    pairs = [{"group": name, "reference": "x", "few": few, "ratio": ratio, "difference": ratio}
             for name, few, ratio in (("a", None, figure(0.9, 0.95, 1.0)),
                                      ("b", "b has 5 people", figure(0.2, 0.4, 0.6)),
                                      ("c", None, figure(0.82, 0.85, 0.9)))]
    groups = {"race": {"comparisons": {"selection_rate": pairs}}}
    found = verdict({"metric": "selection_rate_ratio", "by": "race", "at_least": 0.8}, result(groups=groups))
    assert (found["verdict"], found["group"]) == ("undecided", "b")
    assert "too few people: b has 5 people" in found["reason"]
    assert [part["verdict"] for part in found["parts"]] == ["pass", "undecided", "pass"]


@pytest.mark.parametrize("changes", [{"n": 80}, {"negatives": 10}])
def test_too_few_people_leave_a_quality_gate_undecided(changes: dict[str, int]) -> None:
    found = verdict({"metric": "roc_auc", "at_least": 0.75}, result(**changes))
    assert found["verdict"] == "undecided"
    assert "too few people" in found["reason"]
    assert "0.78" in found["reason"]


def test_one_group_cannot_be_compared() -> None:
    groups = {"race": {"comparisons": {"selection_rate": []}}}
    found = verdict({"metric": "selection_rate_ratio", "by": "race", "at_least": 0.8}, result(groups=groups))
    assert found["verdict"] == "undecided"
    assert found["parts"] == []


def test_champion_gates() -> None:
    gate = {"metric": "roc_auc", "not_worse_than": "champion", "within": 0.01}
    nobody = verdict(gate, result())
    assert (nobody["gate"], nobody["verdict"]) == ("roc_auc:champion", "not_applicable")
    assert "no champion" in nobody["reason"]

    def against(low: float, value: float, high: float, gate: dict[str, Any] = gate) -> str:
        champion = {"version": 3, "differences": {gate["metric"]: figure(low, value, high)}}
        return str(verdict(gate, result(champion=champion))["verdict"])

    assert against(-0.03, -0.005, 0.02) == "pass"
    assert against(-0.03, -0.015, 0.02) == "fail"
    assert against(-0.03, -0.005, 0.02, {**gate, "judge": "interval"}) == "undecided"
    lower = {"metric": "brier", "not_worse_than": "champion", "within": 0.01}
    assert against(-0.01, 0.005, 0.02, lower) == "pass"
    assert against(-0.01, 0.015, 0.02, lower) == "fail"
    assert verdict(gate, result(champion={"version": 3, "differences": {}}))["verdict"] == "undecided"


def test_overall_ignores_what_does_not_apply() -> None:
    def of(*names: str) -> str:
        return overall([{"verdict": name} for name in names])
    assert of() == of("pass", "not_applicable") == "pass"
    assert of("pass", "undecided") == "undecided"
    assert of("undecided", "fail", "pass") == "fail"


def test_words_show_on_which_side_a_number_lies() -> None:
    assert words(figure(0.7989, 0.846, 0.887)) == "0.85 [0.80, 0.89]"
    assert words(figure(0.7989, 0.846, 0.887), 0.8) == "0.846 [0.799, 0.887]"
    assert words(figure(0.8, 0.846, 0.887), 0.8) == "0.85 [0.80, 0.89]"


def test_ids_are_unique() -> None:
    gates = gate_plans([{"metric": "roc_auc", "at_least": 0.7}, {"metric": "roc_auc", "at_most": 0.99}], [])
    assert [gate["id"] for gate in gates] == ["roc_auc", "roc_auc#2"]


@pytest.mark.parametrize("gate", [
    {"metric": "beauty", "at_least": 1}, {"metric": "selection_rate_ratio", "at_least": 0.8},
    {"metric": "roc_auc", "by": "age", "at_least": 0.8}, {"metric": "roc_auc"},
    {"metric": "roc_auc", "by": "race", "not_worse_than": "champion"},
])
def test_gates_that_nothing_can_judge(gate: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as caught:
        gate_plans([gate], ["race"])
    assert str(caught.value.field).startswith("gates[0]")
    assert caught.value.allowed
