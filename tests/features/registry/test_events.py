"""Listeners hear of each change inside of its transaction, in the words of MLflow's webhooks."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.features import registry
from stellwerk.features.registry import models, versions
from stellwerk.infra.tracking_database import Statements, TrackingDatabase
from stellwerk.kernel.errors import BadInput, NotFound
from tests.features.registry.conftest import ANN, a_model, a_run

Heard = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def heard() -> Heard:
    told: Heard = []

    def listen(_st: Statements, name: str, payload: dict[str, Any]) -> None:
        told.append((name, payload))

    registry.LISTENERS.clear()
    registry.add_listener(listen)
    registry.add_listener(listen)
    return told


def test_each_change_is_told_with_what_clients_know_of_it(tracking: TrackingDatabase, heard: Heard) -> None:
    run = a_run(tracking)
    for change in (
            lambda st: registry.create_model(st, ANN, "m", description="d", tags=[("a", "1")]),
            lambda st: registry.create_version(st, ANN, "m", f"runs:/{run.id}/x", description="w", tags=[("k", "v")]),
            lambda st: registry.create_version(st, ANN, "m", "models:/m/1", description=""),
            lambda st: versions.set_version_tag(st, ANN, "m", 1, "k", "w"),
            lambda st: versions.delete_version_tag(st, ANN, "m", 1, "k"),
            lambda st: registry.set_alias(st, ANN, "m", "champion", 2),
            lambda st: registry.delete_alias(st, ANN, "m", "champion")):
        tracking.write(change)

    assert heard == [
        ("registered_model.created", {"name": "m", "tags": {"a": "1"}, "description": "d"}),
        ("model_version.created", {"name": "m", "version": "1", "source": f"runs:/{run.id}/x", "run_id": run.id,
                                   "tags": {"k": "v"}, "description": "w"}),
        ("model_version.created", {"name": "m", "version": "2", "source": "models:/m/1", "run_id": run.id, "tags": {},
                                   "description": None}),
        ("model_version_tag.set", {"name": "m", "version": "1", "key": "k", "value": "w"}),
        ("model_version_tag.deleted", {"name": "m", "version": "1", "key": "k"}),
        ("model_version_alias.created", {"name": "m", "alias": "champion", "version": "2"}),
        ("model_version_alias.deleted", {"name": "m", "alias": "champion"}),
    ]


def test_an_alias_that_goes_with_its_version_or_model_is_told_too(tracking: TrackingDatabase, heard: Heard) -> None:
    name = a_model(tracking, versions=2)
    for alias, number in (("one", 1), ("two", 2)):
        tracking.write(lambda st, a=alias, n=number: registry.set_alias(st, ANN, name, a, n))
    heard.clear()

    tracking.write(lambda st: registry.delete_version(st, ANN, name, 1))
    assert heard == [("model_version_alias.deleted", {"name": name, "alias": "one"})]
    tracking.write(lambda st: registry.delete_model(st, ANN, name))
    assert heard[1:] == [("model_version_alias.deleted", {"name": name, "alias": "two"})]


def test_what_changes_nothing_is_not_told(tracking: TrackingDatabase, heard: Heard) -> None:
    name = a_model(tracking, versions=1)
    heard.clear()
    tracking.write(lambda st: registry.delete_alias(st, ANN, name, "none"))
    tracking.write(lambda st: versions.delete_version_tag(st, ANN, name, 1, "none"))
    tracking.write(lambda st: models.set_model_tag(st, ANN, name, "a", "b"))
    with pytest.raises(BadInput):
        tracking.write(lambda st: registry.create_version(st, ANN, name, "/etc/passwd"))
    with pytest.raises(NotFound):
        tracking.write(lambda st: registry.set_alias(st, ANN, name, "a", 9))

    assert heard == []


def test_a_listener_that_fails_undoes_the_change(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, versions=1)

    def fail(_st: Statements, _name: str, _payload: dict[str, Any]) -> None:
        raise BadInput("no room")

    registry.LISTENERS[:] = [fail]
    for change in (lambda st: registry.create_model(st, ANN, "other"),
                   lambda st: registry.create_version(st, ANN, name, f"models:/{name}/1"),
                   lambda st: registry.set_alias(st, ANN, name, "a", 1)):
        with pytest.raises(BadInput, match="no room"):
            tracking.write(change)
    registry.LISTENERS.clear()

    with pytest.raises(NotFound):
        tracking.read(lambda st: registry.get_model(st, "other", ANN))
    assert [one.version for one in tracking.read(lambda st: registry.latest_versions(st, name, ANN))] == [1]
    with pytest.raises(BadInput, match="not found"):
        tracking.read(lambda st: registry.get_by_alias(st, name, "a", ANN))
    # The number that the refused version had taken is free, too.
    assert tracking.write(lambda st: registry.create_version(st, ANN, name, f"models:/{name}/1")).version == 2
