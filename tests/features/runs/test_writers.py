"""Who may change a run: its team, in shared experiments its maker, and nobody what a service's training logged."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.features import experiments
from stellwerk.features.experiments import service
from stellwerk.features.identity import permissions_of
from stellwerk.features.runs import Run, create_run, get_run, log, may_change, set_lifecycle
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import Forbidden, NotFound


def person(name: str, team: str | None, role: str = "builder") -> Actor:
    return Actor("person", name, name, person_id=name, permissions=permissions_of([(team, role)]))


ANN, BOB, EVE, ADA = person("ann", "a"), person("bob", "a"), person("eve", "b"), person("ada", None, "admin")
JOB = Actor("job", "j1", "ship of churn", person_id="ann",
            permissions=frozenset({("a", "runs.read"), ("a", "runs.write")}))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    prepare_home(tmp_path)
    return open_installation(tmp_path)


def made(installation: Installation, who: Actor, experiment: int) -> Run:
    return installation.tracking.write(lambda st: create_run(st, who, experiment))


def tag(installation: Installation, who: Actor, run: Run) -> None:
    installation.tracking.write(lambda st: log(st, who, run.id, tags=[("note", who.name)]))


def test_in_a_shared_experiment_each_changes_their_own_runs(installation: Installation) -> None:
    run = made(installation, ANN, 0)
    tag(installation, ANN, run)
    tag(installation, ADA, run)
    for other in (BOB, EVE):
        with pytest.raises(Forbidden):
            tag(installation, other, run)
        with pytest.raises(Forbidden):
            installation.tracking.write(lambda st, other=other: set_lifecycle(st, other, run.id, "deleted"))  # type: ignore[misc]


def test_a_shared_experiment_is_changed_by_those_of_the_installation_alone(installation: Installation) -> None:
    for change in (lambda st, who: experiments.set_lifecycle(st, who, 0, "deleted"),
                   lambda st, who: service.rename_experiment(st, who, 0, "Mine"),
                   lambda st, who: service.set_tag(st, who, 0, "a", "b")):
        with pytest.raises(Forbidden, match="all teams share"):
            installation.tracking.write(lambda st, change=change: change(st, ANN))  # type: ignore[misc]
    installation.tracking.write(lambda st: service.rename_experiment(st, ADA, 0, "Common"))


def test_a_team_changes_its_own_and_others_do_not_see_it(installation: Installation) -> None:
    experiment = installation.tracking.write(lambda st: experiments.create_experiment(st, ANN, "x"))
    run = made(installation, ANN, experiment.id)
    tag(installation, BOB, run)
    with pytest.raises(NotFound):
        tag(installation, EVE, run)


def test_what_a_training_logged_stays(installation: Installation) -> None:
    experiment = installation.tracking.write(lambda st: experiments.create_experiment(st, JOB, "churn"))
    run = made(installation, JOB, experiment.id)
    tag(installation, JOB, run)
    tag(installation, Actor("job", "j2", "ship of churn", permissions=JOB.permissions), run)
    for who in (ANN, ADA):
        with pytest.raises(Forbidden, match="training of a service"):
            tag(installation, who, run)
    with installation.tracking.reading() as st:
        assert not may_change(get_run(st, run.id, ANN), experiment, ANN)
        assert may_change(get_run(st, run.id, JOB), experiment, JOB)
