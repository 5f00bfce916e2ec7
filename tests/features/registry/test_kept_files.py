"""What a registered version consists of cannot be changed behind its aliases."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.tracked import keep_registered_files
from stellwerk.features import artifacts, registry, runs
from stellwerk.features.artifacts import ArtifactKey
from stellwerk.features.artifacts.service import delete_some
from stellwerk.features.identity import permissions_of
from stellwerk.features.registry import models
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden

ANN = Actor("person", "ann", "Ann", person_id="ann", permissions=permissions_of([("a", "builder")]))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    prepare_home(tmp_path)
    keep_registered_files()
    return open_installation(tmp_path)


def put(installation: Installation, owner: str, path: str, content: bytes) -> None:
    digest = installation.objects.put_bytes(content)
    installation.tracking.write(lambda st: artifacts.put_artifact(st, owner, ArtifactKey.parse(path), digest,
                                                                  len(content), ANN))


def delete(installation: Installation, owner: str, path: str) -> None:
    installation.tracking.write(lambda st: delete_some(st, ANN, owner, ArtifactKey.parse(path)))


@pytest.fixture
def run(installation: Installation) -> str:
    made = installation.tracking.write(lambda st: runs.create_run(st, ANN, 0))
    for path in ("model/MLmodel", "model/data/model.pkl", "model-2/MLmodel", "notes.txt"):
        put(installation, made.id, path, b"first")
    installation.tracking.write(lambda st: registry.create_model(st, ANN, "churn"))
    installation.tracking.write(lambda st: registry.create_version(st, ANN, "churn", f"runs:/{made.id}/model"))
    return made.id


@pytest.mark.parametrize("path", ["model/MLmodel", "model/data/model.pkl"])
def test_files_of_a_version_stay(installation: Installation, run: str, path: str) -> None:
    put(installation, run, path, b"first")
    for change in (lambda: put(installation, run, path, b"other"), lambda: delete(installation, run, path),
                   lambda: delete(installation, run, "model")):
        with pytest.raises(Conflict, match="version 1 of the registered model 'churn'"):
            change()
    with installation.tracking.reading() as st:
        assert len(list(artifacts.artifacts_of(st, run))) == 4


@pytest.mark.parametrize("path", ["model-2/MLmodel", "notes.txt", "model/added.txt"])
def test_other_files_change_as_ever(installation: Installation, run: str, path: str) -> None:
    put(installation, run, path, b"other")


def test_files_are_free_again_when_the_version_is_gone(installation: Installation, run: str) -> None:
    installation.tracking.write(lambda st: registry.delete_version(st, ANN, "churn", 1))
    put(installation, run, "model/MLmodel", b"other")
    delete(installation, run, "model")


def test_a_path_of_very_many_segments_is_refused() -> None:
    ArtifactKey.parse("/".join("d" * 64))
    with pytest.raises(BadInput, match="64 segments"):
        ArtifactKey.parse("/".join("d" * 65))


@pytest.mark.parametrize("key", ["stellwerk.service", "stellwerk.other"])
def test_what_the_platform_says_about_a_model_is_not_for_others(installation: Installation, run: str, key: str) -> None:
    for change in (lambda st: models.set_model_tag(st, ANN, "churn", key, "x"),
                   lambda st: models.delete_model_tag(st, ANN, "churn", key),
                   lambda st: registry.create_model(st, ANN, "other", tags=[(key, "x")])):
        with pytest.raises(Forbidden, match="platform alone"):
            installation.tracking.write(change)
    job = Actor("job", "j", "ship", permissions=ANN.permissions)
    installation.tracking.write(lambda st: models.set_model_tag(st, job, "churn", key, "x"))
