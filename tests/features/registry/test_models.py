"""Registered models: names across teams, tags, aliases, renaming and deletion."""

from __future__ import annotations

import pytest

from stellwerk.features import registry
from stellwerk.features.registry import lookup, models, versions, views
from stellwerk.infra.tracking_database import TrackingDatabase
from stellwerk.kernel.errors import AlreadyExists, BadInput, Forbidden, NotFound
from tests.features.registry.conftest import ANN, CARA, LENA, LUKE, a_model, person, unique


def entity(tracking: TrackingDatabase, name: str) -> dict[str, object]:
    def look(st: object) -> dict[str, object]:
        return views.model_entities(st, [registry.get_model(st, name, ANN)])[0]  # type: ignore[arg-type]
    return tracking.read(look)


def test_a_model_is_what_was_said_of_it(either: TrackingDatabase) -> None:
    name = a_model(either, description="words", tags=[("b", "2"), ("a", "1"), ("b", "3")])

    found = entity(either, name)

    assert found["creation_timestamp"] == found["last_updated_timestamp"]
    del found["creation_timestamp"], found["last_updated_timestamp"]
    assert found == {"name": name, "description": "words",
                     "tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "3"}]}


def test_a_name_is_taken_for_every_team(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, LENA)
    for who in (LENA, CARA, ANN):
        with pytest.raises(AlreadyExists, match=rf"Registered Model \(name={name}\) already exists"):
            a_model(tracking, who, name=name)


def test_a_model_belongs_to_the_team_of_who_makes_it(tracking: TrackingDatabase) -> None:
    both = person("bo", ("lending", "builder"), ("cards", "builder"), ("home", "viewer"))

    def team(name: str) -> str | None:
        return tracking.read(lambda st: registry.get_model(st, name, ANN)).team

    assert team(a_model(tracking)) is None
    assert team(a_model(tracking, LENA)) == "lending"
    assert team(a_model(tracking, both, tags=[("stellwerk.team", "lending")])) == "lending"
    assert team(a_model(tracking, both)) == "cards"
    with pytest.raises(Forbidden):
        a_model(tracking, both, tags=[("stellwerk.team", "home")])


def test_a_model_of_another_team_is_not_there(tracking: TrackingDatabase) -> None:
    name, mine = a_model(tracking, LENA), a_model(tracking, CARA)
    for change in (lambda st, who: registry.get_model(st, name, who),
                   lambda st, who: models.update_model(st, who, name, "d"),
                   lambda st, who: models.rename_model(st, who, name, unique("x")),
                   lambda st, who: models.set_model_tag(st, who, name, "k", "v"),
                   lambda st, who: models.delete_model_tag(st, who, name, "k"),
                   lambda st, who: registry.delete_alias(st, who, name, "a"),
                   lambda st, who: registry.delete_model(st, who, name)):
        with pytest.raises(NotFound, match=f"Registered Model with name={name} not found"):
            tracking.write(lambda st, change=change: change(st, CARA))
    with pytest.raises(AlreadyExists):
        tracking.write(lambda st: models.rename_model(st, CARA, mine, name))


def test_who_only_reads_a_model_changes_nothing(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, LENA)
    assert tracking.read(lambda st: registry.get_model(st, name, LUKE)).team == "lending"
    for change in (lambda st: models.update_model(st, LUKE, name, "d"),
                   lambda st: models.rename_model(st, LUKE, name, unique("x")),
                   lambda st: models.set_model_tag(st, LUKE, name, "k", "v"),
                   lambda st: registry.delete_model(st, LUKE, name)):
        with pytest.raises(Forbidden):
            tracking.write(change)


def test_a_new_description_tells_when(either: TrackingDatabase) -> None:
    name = a_model(either, description="old")
    before = either.read(lambda st: registry.get_model(st, name, ANN))

    changed = either.write(lambda st: models.update_model(st, ANN, name, "new"))

    assert either.read(lambda st: registry.get_model(st, name, ANN)) == changed
    assert (changed.description, changed.created_at) == ("new", before.created_at)
    assert changed.updated_at >= before.updated_at


def test_tags_are_set_over_and_removed_once(either: TrackingDatabase) -> None:
    name = a_model(either, tags=[("a", "1")])
    either.write(lambda st: models.set_model_tag(st, ANN, name, "a", "2"))
    either.write(lambda st: models.set_model_tag(st, ANN, name, "b", ""))
    assert entity(either, name)["tags"] == [{"key": "a", "value": "2"}, {"key": "b", "value": ""}]

    for _ in range(2):
        either.write(lambda st: models.delete_model_tag(st, ANN, name, "a"))
    assert entity(either, name)["tags"] == [{"key": "b", "value": ""}]


def test_a_renamed_model_keeps_all_it_had(either: TrackingDatabase) -> None:
    name, new = a_model(either, versions=2, tags=[("a", "1")]), unique("new")
    either.write(lambda st: registry.set_alias(st, ANN, name, "champion", 2))
    either.write(lambda st: versions.set_version_tag(st, ANN, name, 1, "k", "v"))

    either.write(lambda st: models.rename_model(st, ANN, name, new))

    found = entity(either, new)
    assert (found["aliases"], found["tags"]) == ([{"alias": "champion", "version": "2"}], [{"key": "a", "value": "1"}])
    version = either.read(lambda st: views.version_entities(st, [registry.get_version(st, new, 1, ANN)]))[0]
    assert (version["name"], version["tags"]) == (new, [{"key": "k", "value": "v"}])
    with pytest.raises(NotFound):
        entity(either, name)


def test_a_model_may_be_renamed_to_its_own_name_but_not_to_another_that_is_taken(either: TrackingDatabase) -> None:
    name, other = a_model(either, versions=1), a_model(either)
    assert either.write(lambda st: models.rename_model(st, ANN, name, name)).name == name
    with pytest.raises(AlreadyExists):
        either.write(lambda st: models.rename_model(st, ANN, name, other))
    with pytest.raises(BadInput):
        either.write(lambda st: models.rename_model(st, ANN, name, "a/b"))
    assert either.read(lambda st: registry.get_version(st, name, 1, ANN)).version == 1


def test_nothing_of_a_deleted_model_comes_back_with_its_name(either: TrackingDatabase) -> None:
    name = a_model(either, versions=1, tags=[("a", "1")])
    either.write(lambda st: registry.set_alias(st, ANN, name, "champion", 1))
    either.write(lambda st: versions.set_version_tag(st, ANN, name, 1, "k", "v"))

    either.write(lambda st: registry.delete_model(st, ANN, name))
    with pytest.raises(NotFound):
        either.write(lambda st: registry.delete_model(st, ANN, name))
    a_model(either, name=name)

    assert set(entity(either, name)) == {"name", "creation_timestamp", "last_updated_timestamp"}
    with pytest.raises(NotFound):
        either.read(lambda st: registry.get_version(st, name, 1, ANN))


def test_an_alias_moves_and_goes(either: TrackingDatabase) -> None:
    name = a_model(either, versions=2)

    def at(alias: str) -> int:
        return either.read(lambda st: lookup.get_by_alias(st, name, alias, ANN)).version

    for number in (1, 2, 2):
        either.write(lambda st, n=number: registry.set_alias(st, ANN, name, "champion", n))
        assert at("champion") == number
    either.write(lambda st: registry.set_alias(st, ANN, name, "Champion", 1))
    assert (at("champion"), at("Champion"), at("LATEST")) == (2, 1, 2)

    for _ in range(2):
        either.write(lambda st: registry.delete_alias(st, ANN, name, "champion"))
    with pytest.raises(BadInput, match="Registered model alias champion not found"):
        at("champion")
    assert entity(either, name)["aliases"] == [{"alias": "Champion", "version": "1"}]


def test_an_alias_needs_a_version_that_is_there(either: TrackingDatabase) -> None:
    name = a_model(either, versions=1)
    for number in (0, -1, 2, 2**31, 2**70):
        with pytest.raises(NotFound, match="not found"):
            either.write(lambda st, n=number: registry.set_alias(st, ANN, name, "a", n))


def test_the_latest_of_a_model_without_versions_is_not_there(either: TrackingDatabase) -> None:
    name = a_model(either)
    with pytest.raises(NotFound, match="Latest version not found"):
        either.read(lambda st: lookup.get_by_alias(st, name, "latest", ANN))
