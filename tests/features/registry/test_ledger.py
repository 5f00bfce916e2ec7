"""Every change of the registry stands on the ledger, and what was changed beside it is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stellwerk.features import ledger, registry
from stellwerk.features.ledger import tracking_repository
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.registry import models, versions
from stellwerk.infra.tracking_database import TrackingDatabase
from tests.features.registry.conftest import ANN, a_logged_model, a_model, a_run

KINDS = ("registered_model", "registered_version", "model_alias")


def verify(tracking: TrackingDatabase) -> Verification:
    found = Verification()
    ledger.verify_tracking(tracking, found, registry.TRACKED)
    return found


def walk(tracking: TrackingDatabase) -> None:
    """Make every kind of change at least once."""
    run, logged = a_run(tracking), a_logged_model(tracking)
    a_model(tracking, name="a@b", tags=[("t", "1")], description="d")
    for source in (f"runs:/{run.id}/m", f"models:/{logged.id}", "models:/a@b/1", "models:/a@b/2", "models:/a@b/1"):
        tracking.write(lambda st, s=source: registry.create_version(st, ANN, "a@b", s, tags=[("k", "v")]))
    for change in (
            lambda st: registry.set_alias(st, ANN, "a@b", "one", 1),
            lambda st: registry.set_alias(st, ANN, "a@b", "one", 2),
            lambda st: registry.set_alias(st, ANN, "a@b", "two", 3),
            lambda st: registry.set_alias(st, ANN, "a@b", "three", 3),
            lambda st: registry.delete_alias(st, ANN, "a@b", "three"),
            lambda st: registry.change_stage(st, ANN, "a@b", 1, "Production"),
            lambda st: registry.change_stage(st, ANN, "a@b", 2, "Production", archive=True),
            lambda st: versions.update_version(st, ANN, "a@b", 1, "words"),
            lambda st: versions.set_version_tag(st, ANN, "a@b", 1, "k", "w"),
            lambda st: versions.delete_version_tag(st, ANN, "a@b", 2, "k"),
            lambda st: versions.delete_version_tag(st, ANN, "a@b", 2, "none"),
            lambda st: registry.delete_version(st, ANN, "a@b", 3),
            lambda st: models.update_model(st, ANN, "a@b", "other"),
            lambda st: models.set_model_tag(st, ANN, "a@b", "u", "2"),
            lambda st: models.delete_model_tag(st, ANN, "a@b", "t"),
            lambda st: models.rename_model(st, ANN, "a@b", "c"),
            lambda st: models.rename_model(st, ANN, "c", "c")):
        tracking.write(change)


def test_after_every_kind_of_change_the_ledger_says_what_is_there(tracking: TrackingDatabase) -> None:
    walk(tracking)
    found = verify(tracking)
    assert found.findings == []
    assert {kind: found.rows[kind] for kind in KINDS} == {
        "registered_model": 1, "registered_version": 4, "model_alias": 1}

    tracking.write(lambda st: registry.delete_model(st, ANN, "c"))
    found = verify(tracking)
    assert found.findings == []
    assert {kind: found.rows[kind] for kind in KINDS} == dict.fromkeys(KINDS, 0)


def test_events_say_who_did_what(tracking: TrackingDatabase) -> None:
    walk(tracking)

    def told(kind: str, subject: str) -> list[str]:
        events = tracking.read(lambda st: tracking_repository.of_subject(st, kind, subject))
        assert {event["actor_id"] for event in events} == {"ann"}
        return [event["verb"].removeprefix(f"{kind}.") for event in events]

    assert told("registered_model", "a@b") == ["created", "updated", "tag_set", "tag_deleted", "renamed"]
    assert told("registered_version", "a@b/1") == ["created", "stage_changed", "stage_changed", "updated", "tag_set",
                                                   "renamed"]
    assert told("registered_version", "a@b/3") == ["created", "deleted"]
    assert told("registered_version", "c/1") == ["renamed"]
    assert told("model_alias", "a@b@one") == ["set", "set", "renamed"]
    assert told("model_alias", "a@b@two") == ["set", "deleted"]


@pytest.mark.parametrize(("forgery", "kind", "subject"), [
    ("UPDATE model_alias SET version = 1", "model_alias", "c@one"),
    ("DELETE FROM model_alias", "model_alias", "c@one"),
    ("INSERT INTO model_alias VALUES ('c', 'live', 1)", "model_alias", "c@live"),
    ("UPDATE registered_version SET owner_id = 'm-other' WHERE version = 2", "registered_version", "c/2"),
    ("UPDATE registered_version SET stage = 'Production' WHERE version = 4", "registered_version", "c/4"),
    ("UPDATE registered_version_tag SET value = 'x' WHERE version = 1", "registered_version", "c/1"),
    ("DELETE FROM registered_version WHERE version = 5", "registered_version", "c/5"),
    ("UPDATE registered_model SET team = 'cards'", "registered_model", "c"),
    ("DELETE FROM registered_model_tag", "registered_model", "c"),
])
def test_what_was_changed_beside_the_platform_is_named(tracking: TrackingDatabase, tmp_path: Path, forgery: str,
                                                       kind: str, subject: str) -> None:
    walk(tracking)
    with sqlite3.connect(tmp_path / "tracking.sqlite") as connection:
        connection.execute(forgery)

    found = verify(tracking)

    assert [(one["table"], one["row"]) for one in found.findings] == [(kind, subject)]
