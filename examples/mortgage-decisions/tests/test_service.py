"""Runs in the service's own environment, without the platform: pytest, or any caller of the functions."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import service

INPUTS = [*service.NUMBERS.values(), *service.ANSWERS.values()]


def test_applications_are_all_there():
    data = service.load_applications()
    assert data.height == 2380
    assert data["approved"].sum() == 2095
    assert (data["race"] == "black").sum() == 339
    assert data.null_count().sum_horizontal().item() == 0


def test_weights_make_race_and_approval_independent():
    data = service.load_applications()
    data = data.with_columns(weight=service.weights(data))
    rate = {group: part["weight"].filter(part["approved"]).sum() / part["weight"].sum()
            for (group,), part in data.group_by("race")}
    assert abs(rate["black"] - rate["other"]) < 1e-9
    assert abs(data["weight"].sum() - data.height) < 1e-6


def test_the_model_decides_from_the_inputs_alone():
    data = service.load_applications()
    for reweigh in (False, True):
        model = service.train(data, {"C": 1.0, "reweigh": reweigh})
        scores = model.predict_proba(data.select(INPUTS))[:, 1]
        assert scores[data["approved"].to_numpy()].mean() > scores[~data["approved"].to_numpy()].mean()
