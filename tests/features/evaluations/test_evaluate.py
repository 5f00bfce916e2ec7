"""The whole evaluation, leakage and parity."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as oracle

from stellwerk.features.evaluations.evaluate import Champion, Columns, EvaluationResult, evaluate
from stellwerk.features.evaluations.leakage import leakage
from stellwerk.features.evaluations.parity import parity
from stellwerk.features.evaluations.plan import DecisionRule, choose_split, fold_of_rows, make_plan, split_rows
from stellwerk.kernel import canonical_json
from stellwerk.kernel.errors import BadInput

GATES = [{"metric": "roc_auc", "at_least": 0.6}, {"metric": "selection_rate_ratio", "by": "group", "at_least": 0.8},
         {"metric": "roc_auc", "not_worse_than": "champion", "within": 0.01}]


def world(n: int = 1500, holdout: bool = False) -> tuple[Columns, np.ndarray, dict[str, Any]]:
    rng = np.random.default_rng(11)
    group = rng.choice(["a", "b"], n, p=[0.7, 0.3]).tolist()
    labels = rng.random(n) < 0.6
    scores = np.clip(rng.random(n) * 0.7 + 0.3 * labels - 0.1 * (np.asarray(group) == "b"), 0, 1)
    subjects = [f"s{row}" for row in range(n)]
    split = choose_split({"holdout": 0.5} if holdout else {"folds": 5}, subjects, labels, {"group": group})
    folds = fold_of_rows(split_rows(split, subjects, labels), n)
    scores[folds < 0] = np.nan
    plan = make_plan(target="y", positive=True, subject="s", protected=["group"], split=split, metrics=["brier"],
                     serve={"threshold": 0.5, "below": "review"}, gates=GATES)
    return Columns(labels, subjects, folds, {"group": group}, np.arange(n)), scores, plan


def run(columns: Columns, scores: np.ndarray, plan: dict[str, Any], **more: Any) -> EvaluationResult:
    found = evaluate(columns, scores, plan, **more)
    assert canonical_json.dumps(found.result)
    assert canonical_json.dumps(found.verdicts)
    return found


def test_an_evaluation_has_all_that_a_page_shows() -> None:
    columns, scores, plan = world()
    found = run(columns, scores, plan, parity={"holds": True})
    result = found.result
    assert result["metrics"]["roc_auc"]["value"] == pytest.approx(oracle.roc_auc_score(columns.labels, scores))
    assert sum(result["confusion"].values()) == result["rows"] == result["n"] == 1500
    assert [row["group"] for row in result["groups"]["group"]["groups"]] == ["a", "b"]
    assert len(result["groups"]["group"]["sweep"]) == 49
    assert result["price"]["group"]["all"]["of"] == int((~columns.labels).sum())
    assert result["leakage"]["holds"]
    assert result["parity"] == {"holds": True}
    assert [row["gate"] for row in found.verdicts] == [
        "roc_auc", "selection_rate_ratio:group", "roc_auc:champion"]
    assert found.verdicts[-1]["verdict"] == "not_applicable"
    assert run(columns, scores, plan, parity={"holds": True}) == found


def test_curves_end_where_they_must_and_enclose_the_area() -> None:
    columns, scores, plan = world()
    curves = run(columns, scores, plan).result["curves"]
    roc = np.asarray([point[:2] for point in curves["roc"]])
    assert roc[0].tolist() == [0, 0]
    assert roc[-1].tolist() == [1, 1]
    assert len(roc) <= 151
    assert oracle.auc(roc[:, 0], roc[:, 1]) == pytest.approx(oracle.roc_auc_score(columns.labels, scores), abs=0.01)
    assert curves["pr"][-1][0] == 1
    assert sum(each["rows"] for each in curves["calibration"]) == 1500
    assert sum(each["positive"] for each in curves["histogram"]) == int(columns.labels.sum())


def test_only_tested_rows_count_in_a_holdout() -> None:
    columns, scores, plan = world(holdout=True)
    found = run(columns, scores, plan)
    held = columns.folds >= 0
    assert found.result["rows"] == held.sum()
    assert found.result["leakage"]["rows_only_trained_on"] == (~held).sum()
    assert found.result["metrics"]["brier"]["value"] == pytest.approx(
        oracle.brier_score_loss(columns.labels[held], scores[held]))


def test_the_champion_is_compared_on_shared_rows() -> None:
    columns, scores, plan = world()
    others = scores.copy()
    others[:300] = np.nan
    equal = run(columns, scores, plan, champion=Champion(3, others, plan["serve"]))
    assert equal.result["champion"]["rows"] == 1200
    assert equal.verdicts[-1]["verdict"] == "pass"
    assert set(equal.result["champion"]["differences"]) == {"roc_auc", "brier"}
    better = np.clip(columns.labels * 0.5 + 0.25, 0, 1)
    assert run(columns, scores, plan, champion=Champion(3, better, plan["serve"])).verdicts[-1]["verdict"] == "fail"
    nothing = run(columns, scores, plan, champion=Champion(3, np.full(1500, np.nan), plan["serve"]))
    assert nothing.verdicts[-1]["verdict"] == "undecided"


@pytest.mark.parametrize("wrong", [np.nan, 1.5, -0.1])
def test_scores_must_be_probabilities(wrong: float) -> None:
    columns, scores, plan = world()
    scores[17] = wrong
    with pytest.raises(BadInput, match="no probabilities") as caught:
        evaluate(columns, scores, plan)
    assert caught.value.field == "score of row 17"


def test_plan_is_json_and_keeps_what_was_asked() -> None:
    plan = world()[2]
    assert json.loads(canonical_json.dumps(plan)) == plan
    assert plan["gates"][1] == {"id": "selection_rate_ratio:group", "metric": "selection_rate_ratio", "by": "group",
                                "side": "at_least", "limit": 0.8, "judge": "interval"}


def test_decision_rules() -> None:
    scores = np.array([0.1, 0.4, 0.5, 0.6, 0.9])
    assert DecisionRule.of({"threshold": 0.5, "below": "review"}).decide(scores).tolist() == [1, 1, 2, 2, 2]
    assert DecisionRule.of({"threshold": 0.5, "below": "reject"}).decide(scores).tolist() == [0, 0, 2, 2, 2]
    assert DecisionRule.of({"between": [0.4, 0.6]}).decide(scores).tolist() == [0, 1, 1, 2, 2]


def test_leakage_finds_subjects_and_twins_on_both_sides() -> None:
    folds = np.array([0, 0, 1, 1, -1])
    clean = leakage(np.array([0, 0, 1, 2, 3]), folds, np.array([5, 5, 6, 7, 8]))
    assert clean == {"holds": True, "subjects_on_both_sides": 0, "rows_with_a_twin_in_training": 0, "rows_tested": 4,
                     "rows_only_trained_on": 1}
    dirty = leakage(np.array([0, 1, 0, 2, 2]), folds, np.array([5, 6, 7, 8, 6]))
    assert not dirty["holds"]
    assert dirty["subjects_on_both_sides"] == 2
    assert dirty["rows_with_a_twin_in_training"] == 1
    assert leakage(np.array([0]), np.array([0]), None)["rows_with_a_twin_in_training"] is None


def test_parity_allows_one_flip_in_a_thousand() -> None:
    rule = DecisionRule.of({"threshold": 0.5})
    scores = np.linspace(0, 1, 2000)
    near = scores + 1e-7
    assert parity(scores, near, rule.decide)["holds"]
    two = scores.copy()
    two[[10, 1990]] = 1 - two[[10, 1990]]
    found = parity(scores, two, rule.decide)
    assert found["holds"]
    assert found["flips"] == 2
    assert {row["row"] for row in found["offending"]} == {10, 1990}
    two[11] = 1 - two[11]
    assert not parity(scores, two, rule.decide)["holds"]


def test_parity_fails_on_a_drifted_percentile_or_on_nan() -> None:
    rule = DecisionRule.of({"threshold": 0.5})
    scores = np.full(1000, 0.9)
    drifted = scores.copy()
    drifted[:20] -= 2e-4
    found = parity(scores, drifted, rule.decide)
    assert not found["holds"]
    assert found["flips"] == 0
    assert found["p99"] == pytest.approx(2e-4)
    broken = scores.copy()
    broken[::2] = np.nan
    assert not parity(scores, broken, rule.decide)["holds"]
    assert canonical_json.dumps(parity(scores, broken, rule.decide))
