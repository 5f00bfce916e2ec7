"""Aliases follow routes on the models that services made, and on no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stellwerk.features import registry, runs
from stellwerk.features.registry.models import rename_model
from stellwerk.features.releases.aliases import SERVICE_TAG, follow_routes

from .conftest import Workshop, person

pytestmark = pytest.mark.slow


def _model(workshop: Workshop, name: str, team: str, versions: int) -> None:
    who = person("otto", "builder", team=team)

    def change(st: Any) -> None:
        run = runs.create_run(st, who, 0, name="notebook", start_time=1)
        registry.create_model(st, replace(who, kind="job"), name, tags=[(SERVICE_TAG, name)])
        for _ in range(versions):
            registry.create_version(st, who, name, f"runs:/{run.id}/model", run_id=run.id)
        registry.set_alias(st, who, name, "champion", versions)

    workshop.installation.tracking.write(change)


def test_a_model_of_others_with_the_name_of_a_service_keeps_its_aliases(workshop: Workshop) -> None:
    assert workshop.ship()["error"] is None
    follow_routes(workshop.installation)
    with workshop.installation.tracking.reading() as st:
        assert registry.aliases_of(st, "small") == {"champion": 1}
    workshop.installation.tracking.write(lambda st: rename_model(st, workshop.builder, "small", "elsewhere"))
    _model(workshop, "small", "claims", 2)
    assert follow_routes(workshop.installation) == 0
    with workshop.installation.tracking.reading() as st:
        assert registry.aliases_of(st, "small") == {"champion": 2}


def test_a_version_that_somebody_put_under_the_number_of_a_training_is_not_taken_for_it(workshop: Workshop) -> None:
    _model(workshop, "small", "lending", 1)
    assert "was not made by this service" in workshop.ship()["error"]["message"]
