"""Logged models: who may see and change them, what is refused, and what stands on the ledger."""

from __future__ import annotations

import itertools
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.tracked import register_tracked
from stellwerk.features import experiments, logged_models, runs
from stellwerk.features.ledger import SUBJECTS, verify_tracking
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.logged_models import ModelPoint, service
from stellwerk.features.logged_models.repository import content
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden, NotFound

_T = TypeVar("_T")
_NAMES = itertools.count(1)


def actor(team: str | None, *permissions: str) -> Actor:
    return Actor("person", f"of {team}", f"of {team}", permissions=frozenset((team, one) for one in permissions))


ANN = actor(None, "runs.read", "runs.write")
REDS = actor("red", "runs.read", "runs.write")
RED_READER = actor("red", "runs.read")
BLUES = actor("blue", "runs.read", "runs.write")


class Write(Protocol):
    """Runs a change in a transaction of its own."""

    def __call__(self, change: Callable[[Statements], _T], /) -> _T: ...


@pytest.fixture
def write(installation: Installation) -> Write:
    return installation.tracking.write


def experiment_of(write: Write, owner: Actor) -> int:
    made = write(lambda st: experiments.create_experiment(st, owner, f"service {next(_NAMES)}"))
    return made.id


def model_of(write: Write, owner: Actor, experiment_id: int | None = None) -> logged_models.LoggedModel:
    number = experiment_of(write, owner) if experiment_id is None else experiment_id
    made = write(lambda st: logged_models.create_model(st, owner, number, params=[("depth", "3")],
                                                       tags=[("stage", "a"), ("stage", "b")]))
    return made


def point(model_id: str, **more: str) -> ModelPoint:
    return ModelPoint(model_id, "auc", 1, 0, "r", 0.5, 0, more.get("name", ""), more.get("digest", ""))


def test_a_new_model_is_pending_and_has_a_name(write: Write) -> None:
    made = model_of(write, ANN)

    assert (made.status, made.lifecycle, bool(made.name)) == ("PENDING", "active", True)
    assert re.fullmatch("m-[0-9a-f]{32}", made.id)
    assert logged_models.artifact_root(made) == f"mlflow-artifacts:/{made.experiment_id}/models/{made.id}/artifacts"
    assert write(lambda st: logged_models.by_ids(st, [made.id, "m-none"])) == {made.id: made}
    assert write(lambda st: content.tags_of(st, [made.id])) == {made.id: [("stage", "b")]}


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a.b", "a%b", 'a"b', "a'b", "a\x00b", "a\x1bb", "a" * 501])
def test_names_that_would_break_addresses_are_refused(write: Write, name: str) -> None:
    with pytest.raises(BadInput):
        write(lambda st: logged_models.create_model(st, ANN, 0, name=name))


@pytest.mark.parametrize("more", [
    {"params": [("a", "1"), ("a", "2")]}, {"params": [("", "1")]}, {"params": [("k" * 256, "1")]},
    {"params": [("a", "\x00")]}, {"params": [(f"p{number}", "") for number in range(1001)]}, {"tags": [("a\x07", "")]},
    {"tags": [("a", "\x00")]}, {"model_type": "t" * 501}, {"source_run_id": "r" * 257}, {"source_run_id": "\x00"}])
def test_what_cannot_be_kept_is_refused(write: Write, more: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        write(lambda st: logged_models.create_model(st, ANN, 0, **more))  # type: ignore[arg-type]


def test_a_deleted_or_missing_experiment_takes_no_model(write: Write) -> None:
    number = experiment_of(write, ANN)
    write(lambda st: experiments.set_lifecycle(st, ANN, number, "deleted"))

    for wanted, error in ((number, Conflict), (2**31 - 1, NotFound)):
        with pytest.raises(error):
            write(lambda st, wanted=wanted: logged_models.create_model(st, ANN, wanted))  # type: ignore[misc]


def test_a_model_of_another_team_is_not_there(write: Write) -> None:
    made = model_of(write, REDS)
    calls: list[Callable[[Statements], object]] = [
        lambda st: logged_models.get_model(st, made.id, BLUES),
        lambda st: service.finalize(st, BLUES, made.id, "READY"),
        lambda st: service.delete(st, BLUES, made.id),
        lambda st: service.set_tags(st, BLUES, made.id, [("a", "1")]),
        lambda st: service.delete_tag(st, BLUES, made.id, "stage"),
        lambda st: service.log_params(st, BLUES, made.id, [("a", "1")]),
        lambda st: logged_models.log_points(st, BLUES, [point(made.id)]),
        lambda st: logged_models.link_models(st, BLUES, "r", "output", [(made.id, 0)])]

    for call in calls:
        with pytest.raises(NotFound):
            write(call)


def test_who_only_reads_a_team_may_not_write_there(write: Write) -> None:
    made = model_of(write, REDS)
    assert write(lambda st: logged_models.get_model(st, made.id, RED_READER)) == made

    calls: list[Callable[[Statements], object]] = [
        lambda st: logged_models.create_model(st, RED_READER, made.experiment_id),
        lambda st: service.finalize(st, RED_READER, made.id, "READY"),
        lambda st: logged_models.log_points(st, RED_READER, [point(made.id)])]
    for call in calls:
        with pytest.raises(Forbidden):
            write(call)


@pytest.mark.parametrize("model_id", ["", "m-none", "m-" + "0" * 33, "m-\x00", "../x", "m'--", "é" * 5])
def test_an_unknown_id_is_not_found(write: Write, model_id: str) -> None:
    for call in (lambda st: logged_models.get_model(st, model_id, ANN, deleted=True),
                 lambda st: logged_models.log_points(st, ANN, [point(model_id)])):
        with pytest.raises(NotFound):
            write(call)


def test_deleting_hides_a_model_and_keeps_it(write: Write) -> None:
    made = model_of(write, ANN)
    for _ in range(2):
        write(lambda st: service.delete(st, ANN, made.id))

    with pytest.raises(NotFound):
        write(lambda st: logged_models.get_model(st, made.id, ANN))
    kept = write(lambda st: logged_models.get_model(st, made.id, ANN, deleted=True))
    assert (kept.lifecycle, kept.updated_at >= made.updated_at) == ("deleted", True)
    finalized = write(lambda st: service.finalize(st, ANN, made.id, "READY"))
    assert finalized.lifecycle == "deleted"


def test_params_are_written_once(write: Write) -> None:
    made = model_of(write, ANN)
    write(lambda st: service.log_params(st, ANN, made.id, [("depth", "3"), ("rate", "")]))

    with pytest.raises(Conflict, match="already logged"):
        write(lambda st: service.log_params(st, ANN, made.id, [("new", "1"), ("depth", "4")]))
    assert write(lambda st: content.params_of(st, [made.id])) == {made.id: [("depth", "3"), ("rate", "")]}


def test_a_tag_that_is_not_there_cannot_be_removed(write: Write) -> None:
    made = model_of(write, ANN)
    write(lambda st: service.set_tags(st, ANN, made.id, [("a", "1"), ("a", "2")]))
    write(lambda st: service.delete_tag(st, ANN, made.id, "stage"))

    for key in ("stage", "a\x00"):
        with pytest.raises(NotFound):
            write(lambda st, key=key: service.delete_tag(st, ANN, made.id, key))  # type: ignore[misc]
    assert write(lambda st: content.tags_of(st, [made.id])) == {made.id: [("a", "2")]}


def test_runs_log_points_of_models_all_or_none(write: Write) -> None:
    made, gone = model_of(write, ANN), model_of(write, ANN)
    write(lambda st: service.delete(st, ANN, gone.id))
    run = write(lambda st: runs.create_run(st, ANN, made.experiment_id))

    write(lambda st: runs.log(st, ANN, run.id, model_points=[point(made.id), point(gone.id), point(made.id)]))
    with pytest.raises(NotFound):
        write(lambda st: runs.log(st, ANN, run.id, params=[("a", "1")], model_points=[
            point(made.id)._replace(key="late"), point("m-none")]))

    found = write(lambda st: content.points_of(st, [made.id, gone.id]))
    assert found == {one.id: [point(one.id)._replace(run_id=run.id)] for one in (made, gone)}


@pytest.mark.parametrize("more", [{"name": "\x00"}, {"name": "n" * 501}, {"name": "n", "digest": "d" * 37}])
def test_a_point_on_a_data_set_that_cannot_be_kept_is_refused(write: Write, more: dict[str, str]) -> None:
    made = model_of(write, ANN)
    with pytest.raises(BadInput):
        write(lambda st: logged_models.log_points(st, ANN, [point(made.id, **more)]))


def test_runs_may_name_models_of_other_servers(write: Write) -> None:
    made = model_of(write, ANN)
    run = write(lambda st: runs.create_run(st, ANN, made.experiment_id))
    write(lambda st: runs.log_inputs(st, ANN, run.id, [], [made.id, "elsewhere"]))
    write(lambda st: runs.log_outputs(st, ANN, run.id, [(made.id, 4)]))

    assert write(lambda st: logged_models.links_of(st, [run.id])) == {run.id: [
        ("input", "elsewhere", 0), ("input", made.id, 0), ("output", made.id, 4)]}
    for no_id in ("", "m" * 35, "a b", "m-\x00"):
        with pytest.raises(BadInput):
            write(lambda st, no_id=no_id: runs.log_outputs(st, ANN, run.id, [(no_id, 0)]))  # type: ignore[misc]


@pytest.fixture
def own(tmp_path: Path) -> Installation:
    """An installation of which all is verified."""
    prepare_home(tmp_path / "home")
    register_tracked()
    return open_installation(tmp_path / "home")


def findings(installation: Installation) -> list[tuple[str, str | None]]:
    found = Verification()
    verify_tracking(installation.tracking, found, SUBJECTS)
    return [(str(one["what"]), one["row"]) for one in found.findings]


def changed(own: Installation) -> str:
    """Do all that changes a model, and return its id."""
    write = own.tracking.write
    made = model_of(write, ANN, 0)
    write(lambda st: service.set_tags(st, ANN, made.id, [("a", "1")]))
    write(lambda st: service.delete_tag(st, ANN, made.id, "stage"))
    write(lambda st: service.log_params(st, ANN, made.id, [("rate", "0.1")]))
    write(lambda st: service.finalize(st, ANN, made.id, "READY"))
    return made.id


def test_every_change_stands_on_the_ledger(own: Installation) -> None:
    model_id = changed(own)
    assert findings(own) == []

    own.tracking.write(lambda st: service.delete(st, ANN, model_id))
    assert findings(own) == []
    verbs = own.tracking.read(lambda st: st.fetch_all(
        "SELECT verb FROM tracking_event WHERE subject_type = 'logged_model' ORDER BY position"))
    assert [verb.removeprefix("logged_model.") for verb, in verbs] == [
        "created", "tags_set", "tag_deleted", "params_logged", "finalized", "deleted"]


@pytest.mark.parametrize("forgery", [
    "UPDATE logged_model SET status = 'FAILED'", "UPDATE logged_model SET source_run_id = 'r'",
    "UPDATE logged_model_param SET value = '4' WHERE key = 'depth'", "DELETE FROM logged_model_tag"])
def test_a_forged_model_is_named(own: Installation, forgery: str) -> None:
    model_id = changed(own)
    with sqlite3.connect(own.home.tracking) as forger:
        forger.execute(forgery)

    assert findings(own) == [("row changed", model_id)]
