"""A page of runs ends where it would grow too large, and the next one goes on there."""

from __future__ import annotations

from pathlib import Path

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.features.identity import permissions_of
from stellwerk.features.runs import UsedDataset, create_run, log, log_inputs, mlflow_api
from stellwerk.features.runs.repository import runs
from stellwerk.infra.installation import open_installation
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput

ANN = Actor("person", "ann", "Ann", person_id="ann", permissions=permissions_of([(None, "builder")]))


def test_a_page_ends_early_but_holds_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_home(tmp_path)
    tracking = open_installation(tmp_path).tracking
    made = [tracking.write(lambda st: create_run(st, ANN, 0)) for _ in range(5)]
    for run in made:
        tracking.write(lambda st, run=run: log(st, ANN, run.id, params=[("text", "x" * 1000)]))  # type: ignore[misc]
    with tracking.reading() as st:
        found = runs.by_ids(st, [run.id for run in made])
        for budget, shown in ((10, 1), (4000, 2), (1 << 20, 5)):
            monkeypatch.setattr(mlflow_api, "_PAGE_BYTES", budget)
            assert len(mlflow_api._encoded(st, found)) == shown


def test_what_a_run_notes_of_data_sets_is_bounded(tmp_path: Path) -> None:
    prepare_home(tmp_path)
    tracking = open_installation(tmp_path).tracking
    run = tracking.write(lambda st: create_run(st, ANN, 0))

    def note(name: str) -> None:
        tracking.write(lambda st: log_inputs(st, ANN, run.id, [
            (UsedDataset(name, "1", "local", "s", None, "p" * 15_000_000), [])]))

    note("a")
    note("b")
    with pytest.raises(BadInput, match="32000000 characters"):
        note("c")
