"""Registered models as pages list them, in either database."""

from __future__ import annotations

from stellwerk.features import registry, runs
from stellwerk.infra.tracking_database import Statements, TrackingDatabase
from tests.features.registry.conftest import ANN, CARA, LENA, unique


def test_models_with_aliases_and_newest_version(either: TrackingDatabase) -> None:
    name, bare = unique("scoring"), unique("bare")

    def change(st: Statements) -> None:
        run = runs.create_run(st, ANN, 0, name="trainer")
        registry.create_model(st, LENA, name)
        registry.create_model(st, LENA, bare)
        for number in range(3):
            registry.create_version(st, ANN, name, f"runs:/{run.id}/model", run_id=run.id, tags=[("k", str(number))])
        registry.set_alias(st, LENA, name, "best", 2)

    either.write(change)

    def read(st: Statements) -> None:
        listed = {one.model.name: one for one in registry.list_models(st, LENA)}
        assert (listed[name].aliases, listed[name].newest) == ({"best": 2}, 3)
        assert (listed[bare].aliases, listed[bare].newest) == ({}, 0)
        assert name not in {one.model.name for one in registry.list_models(st, CARA)}
        assert [one.version for one in registry.versions_page(st, LENA, name, None, 2)] == [3, 2]
        assert [one.version for one in registry.versions_page(st, LENA, name, 2, 2)] == [1]
        assert registry.versions_page(st, CARA, name, None, 2) == []
        assert registry.version_tags(st, registry.get_version(st, name, 3, LENA)) == {"k": "2"}

    either.read(read)
