"""Versions: their numbers, where their bytes come from, their stages, and whose they are."""

from __future__ import annotations

import json

import pytest

from stellwerk.features import logged_models, registry
from stellwerk.features.registry import lookup, models, versions
from stellwerk.features.registry.lineage import VERSIONS_TAG
from stellwerk.infra.tracking_database import TrackingDatabase
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Forbidden, NotFound
from tests.features.registry.conftest import ANN, CARA, LENA, LUKE, a_logged_model, a_model, a_run, unique

GONE = "0" * 32


def create(tracking: TrackingDatabase, name: str, source: str, actor: Actor = ANN,
           **more: str | None) -> registry.RegisteredVersion:
    return tracking.write(lambda st: registry.create_version(st, actor, name, source, **more))


def numbers(tracking: TrackingDatabase, name: str, count: int) -> list[int]:
    source = f"runs:/{a_run(tracking).id}/m"
    return [create(tracking, name, source).version for _ in range(count)]


# Numbers

def test_numbers_count_up_and_are_never_given_again(tracking: TrackingDatabase) -> None:
    name = a_model(tracking)
    assert numbers(tracking, name, 3) == [1, 2, 3]

    tracking.write(lambda st: versions.delete_version(st, ANN, name, 3))
    assert numbers(tracking, name, 1) == [4]

    tracking.write(lambda st: models.delete_model(st, ANN, name))
    a_model(tracking, name=name)
    assert numbers(tracking, name, 1) == [5]


def test_a_renamed_model_counts_on_under_its_new_name_and_its_old_name_too(tracking: TrackingDatabase) -> None:
    old, new = a_model(tracking, versions=3), unique("new")
    tracking.write(lambda st: models.rename_model(st, ANN, old, new))
    a_model(tracking, name=old)

    assert numbers(tracking, new, 1) == [4]
    assert numbers(tracking, old, 1) == [4]


def test_a_model_renamed_to_a_name_that_was_used_passes_its_numbers(tracking: TrackingDatabase) -> None:
    used, other = a_model(tracking, versions=5), a_model(tracking, versions=1)
    tracking.write(lambda st: models.delete_model(st, ANN, used))
    tracking.write(lambda st: models.rename_model(st, ANN, other, used))

    assert numbers(tracking, used, 1) == [6]


def test_a_refused_version_takes_no_number(tracking: TrackingDatabase) -> None:
    name = a_model(tracking)
    with pytest.raises(BadInput):
        create(tracking, name, f"runs:/{GONE}/m")

    assert numbers(tracking, name, 1) == [1]


# Sources

def test_a_version_of_a_run_lies_in_its_artifacts(tracking: TrackingDatabase) -> None:
    name, run = a_model(tracking), a_run(tracking)
    root = f"mlflow-artifacts:/{run.experiment_id}/{run.id}/artifacts"

    for source in (f"runs:/{run.id}/a/m", f"{root}/a/m", f"{root}/a//m/"):
        for said in (None, run.id, ""):
            made = create(tracking, name, source, run_id=said)
            assert (made.source, made.location, made.owner_id, made.path) == (source, f"{root}/a/m", run.id, "a/m")
            assert (made.run_id, made.model_id, made.status, made.stage) == (run.id, None, "READY", "None")
    assert create(tracking, name, f"runs:/{run.id}").location == root


def test_a_version_of_a_logged_model_knows_the_run_that_made_it(tracking: TrackingDatabase) -> None:
    name, run = a_model(tracking), a_run(tracking)
    logged = a_logged_model(tracking, run_id=run.id)
    root = f"mlflow-artifacts:/{logged.experiment_id}/models/{logged.id}/artifacts"

    for source in (f"models:/{logged.id}", root):
        for said in (None, logged.id):
            made = create(tracking, name, source, model_id=said)
            assert (made.location, made.owner_id, made.path) == (root, logged.id, "")
            assert (made.run_id, made.model_id) == (run.id, logged.id)
    assert create(tracking, name, f"{root}/sub").path == "sub"

    tags = dict(tracking.read(lambda st: logged_models.tags_of(st, [logged.id]))[logged.id])
    assert json.loads(tags[VERSIONS_TAG]) == [{"name": name, "version": number} for number in range(1, 6)]


def test_a_copy_has_the_bytes_and_the_lineage_of_what_it_copies(tracking: TrackingDatabase) -> None:
    name, target, run = a_model(tracking), a_model(tracking), a_run(tracking)
    first = create(tracking, name, f"runs:/{run.id}/m")
    tracking.write(lambda st: registry.set_alias(st, ANN, name, "champion", 1))
    tracking.write(lambda st: registry.change_stage(st, ANN, name, 1, "Production"))

    for address in (f"models:/{name}/1", f"models:/{name}@champion", f"models:/{name}/production",
                    f"models:/{name}/latest"):
        made = create(tracking, target, address, run_id=run.id)
        assert (made.source, made.location, made.owner_id, made.path, made.run_id) == (
            f"models:/{name}/1", first.location, first.owner_id, first.path, run.id)
    again = create(tracking, target, f"models:/{target}/1")
    assert (again.source, again.location) == (f"models:/{target}/1", first.location)


def test_what_the_caller_says_of_a_source_must_be_so(tracking: TrackingDatabase) -> None:
    name, run, other = a_model(tracking), a_run(tracking), a_run(tracking)
    logged = a_logged_model(tracking, run_id=run.id)
    create(tracking, name, f"runs:/{run.id}/m")
    root = f"mlflow-artifacts:/{run.experiment_id}/{run.id}/artifacts"
    for source, said, words in (
            (f"runs:/{run.id}/m", {"run_id": other.id}, "run_id request parameter"),
            (f"{root}/m", {"run_id": other.id}, "run_id request parameter"),
            (f"mlflow-artifacts:/{other.experiment_id}/{run.id}/artifacts/m", {}, "run_id request parameter"),
            (f"runs:/{run.id}/m", {"model_id": logged.id}, "model_id request parameter"),
            (f"models:/{logged.id}", {"model_id": "m-other"}, "model_id request parameter"),
            (f"models:/{logged.id}", {"run_id": other.id}, "must name the run that made the logged model"),
            (f"mlflow-artifacts:/{run.experiment_id}/models/{logged.id}/artifacts", {}, "model_id request parameter"),
            (f"models:/{name}/1", {"run_id": other.id}, "must match the referenced model version"),
            (f"models:/{name}/1", {"model_id": logged.id}, "must match the referenced model version")):
        with pytest.raises(BadInput) as caught:
            create(tracking, name, source, **said)
        assert words in caught.value.message


def test_a_run_that_a_logged_model_claims_counts_only_for_who_may_see_it(tracking: TrackingDatabase) -> None:
    foreign = a_run(tracking, CARA)
    name, logged = a_model(tracking, LENA), a_logged_model(tracking, LENA, run_id=foreign.id)
    assert create(tracking, name, f"models:/{logged.id}", LENA).run_id is None
    for named in (foreign.id, a_run(tracking, LENA).id):
        with pytest.raises(BadInput, match="must name the run"):
            create(tracking, name, f"models:/{logged.id}", LENA, run_id=named)


def test_a_deleted_logged_model_is_no_source(tracking: TrackingDatabase) -> None:
    from stellwerk.features.logged_models import service

    name, logged = a_model(tracking), a_logged_model(tracking)
    tracking.write(lambda st: service.delete(st, ANN, logged.id))

    with pytest.raises(BadInput, match="model_id request parameter"):
        create(tracking, name, f"models:/{logged.id}")


def test_a_source_of_another_team_is_refused_in_the_words_for_one_that_is_not_there(
        tracking: TrackingDatabase) -> None:
    name = a_model(tracking, CARA)
    run, logged = a_run(tracking, LENA), a_logged_model(tracking, LENA)
    foreign = a_model(tracking, LENA, versions=1)

    def message(source: str) -> str:
        with pytest.raises((BadInput, NotFound)) as caught:
            create(tracking, name, source, CARA)
        return str(caught.value.message)

    assert message(f"runs:/{run.id}/m").replace(run.id, GONE) == message(f"runs:/{GONE}/m")
    root = f"mlflow-artifacts:/{run.experiment_id}/{run.id}/artifacts"
    assert message(f"{root}/m").replace(root, "") == message(
        f"mlflow-artifacts:/{run.experiment_id}/{GONE}/artifacts/m").replace(
            f"mlflow-artifacts:/{run.experiment_id}/{GONE}/artifacts", "")
    assert message(f"models:/{logged.id}").replace(logged.id, "x") == message(
        f"models:/m-{GONE}").replace(f"m-{GONE}", "x")
    assert message(f"models:/{foreign}/1").replace(foreign, "x") == message("models:/nobody/1").replace("nobody", "x")


def test_a_copy_stands_where_its_logged_model_is_out_of_sight(tracking: TrackingDatabase) -> None:
    logged = a_logged_model(tracking, LENA)
    shared, own = a_model(tracking), a_model(tracking, CARA)
    create(tracking, shared, f"models:/{logged.id}")

    assert create(tracking, own, f"models:/{shared}/1", CARA).model_id == logged.id


# Reading

def test_an_address_names_a_version(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, versions=3)
    tracking.write(lambda st: registry.set_alias(st, ANN, name, "champion", 2))
    tracking.write(lambda st: registry.change_stage(st, ANN, name, 1, "Staging"))

    def resolve(uri: str) -> int:
        return tracking.read(lambda st: registry.resolve_uri(st, uri, ANN)).version

    assert [resolve(f"models:/{name}{end}") for end in ("/2", "@champion", "@latest", "/latest", "/staging")] == [
        2, 2, 3, 3, 1]
    for uri, kind in ((f"models:/{name}/9", NotFound), (f"models:/{name}/{2**40}", NotFound),
                      (f"models:/{name}/Production", NotFound), (f"models:/{name}/other", BadInput),
                      (f"models:/{name}@other", BadInput), ("models:/nobody/1", NotFound), (f"models:/m-{GONE}", BadInput)):
        with pytest.raises(kind):
            resolve(uri)


def test_the_latest_version_is_told_for_each_stage(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, versions=5)
    for number, stage in ((1, "Production"), (2, "Production"), (3, "Staging"), (5, "Archived")):
        tracking.write(lambda st, n=number, s=stage: registry.change_stage(st, ANN, name, n, s))

    def latest(*stages: str) -> list[tuple[int, str]]:
        found = tracking.read(lambda st: registry.latest_versions(st, name, ANN, stages))
        return [(one.version, one.stage) for one in found]

    assert latest() == [(4, "None"), (3, "Staging"), (2, "Production"), (5, "Archived")]
    assert latest("production", "staging") == [(3, "Staging"), (2, "Production")]
    with pytest.raises(BadInput):
        latest("prod")


def test_versions_are_found_by_the_runs_that_made_them(tracking: TrackingDatabase) -> None:
    run, other = a_run(tracking), a_run(tracking)
    shared, lent = a_model(tracking), a_model(tracking, LENA)
    create(tracking, shared, f"runs:/{run.id}/m")
    create(tracking, lent, f"runs:/{run.id}/m", LENA)

    found = tracking.read(lambda st: registry.versions_of_run(st, [run.id, other.id], CARA))
    assert {run_id: [one.name for one in those] for run_id, those in found.items()} == {run.id: [shared], other.id: []}
    found = tracking.read(lambda st: registry.versions_of_run(st, [run.id], LENA))
    assert [one.name for one in found[run.id]] == sorted([shared, lent])


# Changing

def test_a_transition_archives_others_only_where_asked(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, versions=3)

    def move(number: int, stage: str, *, archive: bool = False) -> None:
        tracking.write(lambda st: registry.change_stage(st, ANN, name, number, stage, archive=archive))

    def stages() -> list[str]:
        return [tracking.read(lambda st, n=n: registry.get_version(st, name, n, ANN)).stage for n in (1, 2, 3)]

    move(1, "production")
    move(2, "Production")
    assert stages() == ["Production", "Production", "None"]
    move(3, "PRODUCTION", archive=True)
    assert stages() == ["Archived", "Archived", "Production"]
    move(3, "Production", archive=True)
    assert stages() == ["Archived", "Archived", "Production"]
    for stage in ("Archived", "None"):
        with pytest.raises(BadInput, match="cannot archive existing model versions"):
            move(3, stage, archive=True)
    with pytest.raises(NotFound):
        move(9, "Production", archive=True)
    assert stages() == ["Archived", "Archived", "Production"]


def test_a_deleted_version_takes_its_tags_and_aliases_along(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, versions=2)
    tracking.write(lambda st: registry.set_alias(st, ANN, name, "a", 1))
    tracking.write(lambda st: registry.set_alias(st, ANN, name, "b", 2))
    tracking.write(lambda st: versions.set_version_tag(st, ANN, name, 1, "k", "v"))

    tracking.write(lambda st: registry.delete_version(st, ANN, name, 1))

    with pytest.raises(NotFound, match=rf"Model Version \(name={name}, version=1\) not found"):
        tracking.read(lambda st: registry.get_version(st, name, 1, ANN))
    with pytest.raises(BadInput, match="alias a not found"):
        tracking.read(lambda st: lookup.get_by_alias(st, name, "a", ANN))
    assert tracking.read(lambda st: lookup.get_by_alias(st, name, "b", ANN)).version == 2
    for change in (lambda st: versions.set_version_tag(st, ANN, name, 1, "k", "v"),
                   lambda st: versions.delete_version_tag(st, ANN, name, 1, "k"),
                   lambda st: versions.update_version(st, ANN, name, 1, "d"),
                   lambda st: registry.delete_version(st, ANN, name, 1),
                   lambda st: registry.set_alias(st, ANN, name, "c", 1)):
        with pytest.raises(NotFound):
            tracking.write(change)


def test_a_description_can_be_taken_away(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, versions=1)
    for text in ("words", "", None):
        tracking.write(lambda st, t=text: versions.update_version(st, ANN, name, 1, t))
        assert tracking.read(lambda st: registry.get_version(st, name, 1, ANN)).description == text


# Whose

def test_versions_of_another_team_are_not_there(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, LENA, versions=1)
    source = f"runs:/{a_run(tracking).id}/m"
    for change in (lambda st, who: registry.get_version(st, name, 1, who),
                   lambda st, who: registry.resolve_uri(st, f"models:/{name}/1", who),
                   lambda st, who: registry.latest_versions(st, name, who),
                   lambda st, who: registry.create_version(st, who, name, source),
                   lambda st, who: registry.change_stage(st, who, name, 1, "Production"),
                   lambda st, who: versions.update_version(st, who, name, 1, "d"),
                   lambda st, who: versions.set_version_tag(st, who, name, 1, "k", "v"),
                   lambda st, who: versions.delete_version_tag(st, who, name, 1, "k"),
                   lambda st, who: registry.delete_version(st, who, name, 1),
                   lambda st, who: registry.set_alias(st, who, name, "a", 1)):
        with pytest.raises(NotFound):
            tracking.write(lambda st, change=change: change(st, CARA))


def test_who_only_reads_changes_nothing(tracking: TrackingDatabase) -> None:
    name = a_model(tracking, LENA, versions=1)
    source = f"models:/{name}/1"
    assert tracking.read(lambda st: registry.get_version(st, name, 1, LUKE)).version == 1
    for change in (lambda st: registry.create_version(st, LUKE, name, source),
                   lambda st: registry.change_stage(st, LUKE, name, 1, "Production"),
                   lambda st: versions.update_version(st, LUKE, name, 1, "d"),
                   lambda st: versions.set_version_tag(st, LUKE, name, 1, "k", "v"),
                   lambda st: registry.delete_version(st, LUKE, name, 1),
                   lambda st: registry.set_alias(st, LUKE, name, "a", 1),
                   lambda st: registry.delete_alias(st, LUKE, name, "a")):
        with pytest.raises(Forbidden):
            tracking.write(change)
