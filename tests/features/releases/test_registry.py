"""A service's way and the registry are one: its runs and versions for clients, their models for services."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import yaml

from stellwerk.features import artifacts, experiments, registry, runs
from stellwerk.features.ledger import tracking_source, verify_installation, verify_tracking
from stellwerk.features.releases import service
from stellwerk.features.releases.alias_guard import ReleaseGuard
from stellwerk.features.releases.aliases import follow_routes
from stellwerk.features.runs import views
from stellwerk.features.runs.repository.search import search
from stellwerk.features.trainings import adoption_of
from stellwerk.infra.crypto import load_key
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Conflict, Forbidden, NotFound

from .conftest import CODE, MANIFEST, Workshop, person, rows

pytestmark = pytest.mark.slow
APPROVED = MANIFEST + "approval: {roles: [validator], four_eyes: true}\n"
ADOPTED = APPROVED.replace("train: service:train\nparams: {C: 1.0}\nevaluate: {folds: 3, seed: 7}",
                           "model: models:/scoring@candidate")


def approve(workshop: Workshop, who: Actor, version: int) -> None:
    key = load_key(workshop.installation.home.keys_dir)
    with workshop.installation.database.write(who) as work:
        service.approve(work, key.sign, "small", version, reason="looks right")


def fitted() -> Any:
    space: dict[str, Any] = {}
    exec(CODE, space)
    return space["train"](pl.read_csv(io.StringIO(rows())), {"C": 1.0})


def log_model(workshop: Workshop, who: Actor, *, described: dict[str, Any] | None = None, model: Any = None,
              pickled: bytes | None = None) -> int:
    """Log a model as a client does, register it as a version of ``scoring``, and return the version's number."""
    import skops.io

    held = fitted() if model is None else model
    objects = workshop.installation.objects
    flavour = {"pickled_model": "model.skops", "serialization_format": "skops",
               "skops_trusted_types": skops.io.get_untrusted_types(data=skops.io.dumps(held))}
    text = yaml.safe_dump({"flavors": {"sklearn": flavour} if described is None else described}).encode()
    files = {"model/MLmodel": text, "model/model.skops": skops.io.dumps(held), "model/model.pkl": pickled or pickle.dumps(held)}
    digests = {path: objects.put_bytes(data) for path, data in files.items()}

    def change(st: Any) -> int:
        run = runs.create_run(st, who, 0, name="notebook", start_time=1)
        for path, digest in digests.items():
            artifacts.put_artifact(st, run.id, artifacts.ArtifactKey.parse(path), digest, len(files[path]), who)
        if registry.find_model(st, "scoring") is None:
            registry.create_model(st, who, "scoring")
        made = registry.create_version(st, who, "scoring", f"runs:/{run.id}/model", run_id=run.id)
        registry.set_alias(st, who, "scoring", "candidate", made.version)
        return int(made.version)

    number: int = workshop.installation.tracking.write(change)
    return number


def test_a_training_is_a_run_a_version_and_files_for_every_client(workshop: Workshop) -> None:
    job = workshop.run(workshop.submit())
    run_id = job["outputs"]["train"]["run_id"]
    with workshop.installation.tracking.reading() as st:
        run = runs.get_run(st, run_id, workshop.builder)
        experiment = experiments.find_by_name(st, "small")
        whole = msgspec.to_builtins(views.entities(st, [run])[0])
        version = registry.get_version(st, "small", 1, workshop.builder)
        files = {entry.path for entry in artifacts.artifacts_of(st, run_id)}
    assert experiment is not None
    assert (run.experiment_id, run.status, experiment.team) == (experiment.id, "FINISHED", "lending")
    params = {entry["key"]: entry["value"] for entry in whole["data"]["params"]}
    metrics = {entry["key"]: entry["value"] for entry in whole["data"]["metrics"]}
    assert params == {"C": "1.0", "seed": "7"}
    assert 0.5 < metrics["roc_auc"] < 1
    assert metrics["peak_memory_mb"] > 1
    assert whole["inputs"]["dataset_inputs"][0]["dataset"]["name"] == "rows"
    assert (version.run_id, version.path) == (run_id, "model")
    assert {"model/model.onnx", "model/MLmodel", "predictions.arrow", "scores.arrow"} <= files


def test_a_failed_training_is_a_failed_run(workshop: Workshop) -> None:
    job = workshop.run(workshop.submit(code="def train(data, params):\n    raise ValueError('no')\n"))
    assert job["error"]
    with workshop.installation.tracking.reading() as st:
        experiment = experiments.find_by_name(st, "small")
        assert experiment is not None
        found, _ = search(st, [experiment.id], ["active"], (), (), None, 10)
    assert [run.status for run in found] == ["FAILED"]


def test_aliases_follow_the_route_and_a_release_by_alias_obeys_the_rules(workshop: Workshop) -> None:
    guard = ReleaseGuard(workshop.installation)
    workshop.ship(manifest=APPROVED)
    with pytest.raises(Conflict, match="approval"):
        guard.before_alias("small", "champion", 1, workshop.builder)
    with pytest.raises(Conflict, match="candidate, not approved"):
        guard.before_alias("small", "Production", 1, workshop.builder)
    with pytest.raises(Conflict, match="candidate, not approved"):
        guard.before_alias("small", "ｐｒｏｄ", 1, workshop.builder)
    with pytest.raises(Conflict, match="candidate, not approved"):
        guard.before_stage("small", "Production", 1, workshop.builder)
    with pytest.raises(Conflict, match="no evaluated version 9"):
        guard.before_alias("small", "champion", 9, workshop.builder)
    guard.before_alias("small", "anything", 1, workshop.builder)

    approve(workshop, person("vera", "validator"), 1)
    guard.before_alias("small", "production", 1, workshop.builder)
    with pytest.raises(Forbidden):
        guard.before_alias("small", "champion", 1, person("vera", "validator"))
    guard.before_alias("small", "champion", 1, workshop.builder)

    assert follow_routes(workshop.installation) == 1
    assert follow_routes(workshop.installation) == 0
    with workshop.installation.tracking.reading() as st:
        assert registry.aliases_of(st, "small") == {"champion": 1}
    for refused in (lambda: guard.before_alias("small", "champion", None, workshop.builder),
                    lambda: guard.before_delete("small", 1, workshop.builder),
                    lambda: guard.before_stage("small", "Archived", 1, workshop.builder),
                    lambda: guard.before_create("small", workshop.builder)):
        with pytest.raises(Conflict):
            refused()


def test_a_model_from_a_notebook_goes_the_governed_way(workshop: Workshop) -> None:
    guard, maker = ReleaseGuard(workshop.installation), person("nora", "builder")
    number = log_model(workshop, maker)
    result = workshop.ship(manifest=ADOPTED)
    assert result["error"] is None
    assert (result["exit"], result["version"]) == (3, 1)
    with pytest.raises(Conflict, match="no approved version of small"):
        guard.before_alias("scoring", "production", number, maker)
    guard.before_alias("scoring", "candidate", number, maker)

    with pytest.raises(Forbidden, match="nora"):
        approve(workshop, person("nora", "validator"), 1)
    approve(workshop, person("vera", "validator"), 1)
    guard.before_alias("scoring", "production", number, maker)
    with workshop.installation.database.write(workshop.builder) as work:
        service.release(work, "small", 1)
        adopted = adoption_of(work.connection, service.newest_revision(work.connection, "small", 1)["run_id"])
    assert adopted is not None
    assert (adopted["model"], adopted["version"], adopted["made_by"]) == ("scoring", number, ["nora"])
    with pytest.raises(Conflict, match="answers as version 1 of the service small"):
        guard.before_delete("scoring", number, maker)

    key = load_key(workshop.installation.home.keys_dir).public
    with workshop.installation.database.read() as connection:
        found = verify_installation(connection, key, sources=tracking_source(workshop.installation.tracking))
    verify_tracking(workshop.installation.tracking, found)
    assert found.findings == []


def test_the_same_model_again_makes_no_other_version_and_a_new_one_does(workshop: Workshop) -> None:
    log_model(workshop, workshop.builder)
    first, same = workshop.ship(manifest=ADOPTED), workshop.ship(manifest=ADOPTED)
    log_model(workshop, workshop.builder, model=fitted().set_params(logisticregression__C=0.3).fit(
        pl.read_csv(io.StringIO(rows())), pl.read_csv(io.StringIO(rows()))["good"]))
    other = workshop.ship(manifest=ADOPTED)
    assert (first["version"], same["version"], other["version"]) == (1, 1, 2)


@pytest.mark.parametrize(("described", "words"), [
    ({"xgboost": {"data": "model.xgb"}}, "logged as xgboost"),
    ({"sklearn": {"pickled_model": "../../etc/passwd", "serialization_format": "pickle"}}, "names the file"),
    ({"sklearn": {"pickled_model": "model.pkl", "serialization_format": "joblib"}}, "in the form"),
    ({"sklearn": {"pickled_model": "model.skops", "serialization_format": "skops"}}, "nobody declared as trusted"),
    ({"sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"}}, None),
])
def test_what_a_service_cannot_take_is_said(workshop: Workshop, described: dict[str, Any], words: str | None) -> None:
    log_model(workshop, workshop.builder, described=described)
    result = workshop.ship(manifest=ADOPTED)
    if words is None:
        assert result["error"] is None
    else:
        assert words in result["error"]["message"]


def test_a_pickle_runs_in_the_child_alone(workshop: Workshop, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return (open, (str(tmp_path / "written"), "w"))

    described = {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "pickle"}}
    log_model(workshop, workshop.builder, described=described, pickled=pickle.dumps(Evil()))
    result = workshop.ship(manifest=ADOPTED)
    assert result["error"] is not None
    assert not (tmp_path / "written").exists()


def test_a_version_of_another_team_is_not_there(workshop: Workshop) -> None:
    log_model(workshop, person("otto", "builder", team="claims"))
    result = workshop.ship(manifest=ADOPTED)
    assert result["error"]["error_code"] == NotFound.code
