"""What runs log reaches the ledger, and a forged value is named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.sealing import Sealing
from stellwerk.apps.tracked import register_tracked
from stellwerk.features import experiments
from stellwerk.features.ledger import (
    SUBJECTS,
    Standing,
    standing_of,
    tracking_source,
    verify_installation,
    verify_tracking,
)
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.runs import Point, create_run, importing, log, sealing, update_run
from stellwerk.infra.crypto import load_key
from stellwerk.infra.installation import Installation, open_installation
from stellwerk.kernel.actor import Actor
from stellwerk.protocols.transfer import wire

ANN = Actor("person", "ann", "Ann", roles=frozenset({(None, "builder")}),
            permissions=frozenset({(None, "runs.read"), (None, "runs.write")}))


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    prepare_home(tmp_path / "home")
    register_tracked()
    return open_installation(tmp_path / "home")


def _run(installation: Installation, *, ended: bool) -> str:
    tracking = installation.tracking
    run = tracking.write(lambda st: create_run(st, ANN, 0, name="first", start_time=1))
    tracking.write(lambda st: log(st, ANN, run.id, points=[Point("loss", step, step, 1 / (step + 1), 0)
                                                           for step in range(20)], params=[("depth", "3")]))
    if ended:
        tracking.write(lambda st: update_run(st, ANN, run.id, status="FINISHED", end_time=9))
    return run.id


def _verify(installation: Installation) -> Verification:
    key = load_key(installation.home.keys_dir).public
    with installation.database.read() as connection:
        found = verify_installation(connection, key, sources=tracking_source(installation.tracking))
    verify_tracking(installation.tracking, found, SUBJECTS)
    return found


def test_an_ended_run_stands_on_the_ledger_with_all_that_it_logged(installation: Installation) -> None:
    _run(installation, ended=True)
    Sealing(installation).once()

    found = _verify(installation)

    assert found.findings == []
    assert found.logs["tracking"]["size"] == 1
    assert found.rows["run"] == 1


@pytest.mark.parametrize("forgery", [
    "UPDATE metric SET value = 0.99 WHERE step = 7",
    "UPDATE param SET value = '4'",
    "DELETE FROM metric WHERE step = 7",
    "UPDATE run SET status = 'FAILED'",
])
def test_a_forged_run_is_named(installation: Installation, forgery: str) -> None:
    run_id = _run(installation, ended=True)
    Sealing(installation).once()
    with sqlite3.connect(installation.home.tracking) as forger:
        forger.execute(forgery)

    found = _verify(installation)

    assert [(one["table"], one["row"]) for one in found.findings] == [("run", run_id)]


def test_a_forged_event_is_named(installation: Installation) -> None:
    _run(installation, ended=True)
    Sealing(installation).once()
    with sqlite3.connect(installation.home.tracking) as forger:
        forger.execute("UPDATE tracking_event SET actor_name = 'Bob', verb = 'run.logged'")

    assert "event changed" in {one["what"] for one in _verify(installation).findings}


def test_an_open_run_waits_a_minute_and_is_not_blamed_meanwhile(installation: Installation) -> None:
    _run(installation, ended=False)

    assert sealing.seal_due(installation.tracking) == 0
    assert _verify(installation).findings == []


def test_a_run_changed_after_its_end_gets_another_event(installation: Installation) -> None:
    run_id = _run(installation, ended=True)
    assert sealing.seal_due(installation.tracking) == 1
    assert sealing.seal_due(installation.tracking) == 0
    installation.tracking.write(lambda st: log(st, ANN, run_id, tags=[("note", "checked")]))

    assert sealing.seal_due(installation.tracking) == 1
    assert _verify(installation).findings == []


def test_a_run_written_past_the_platform_is_found(installation: Installation) -> None:
    _run(installation, ended=True)
    Sealing(installation).once()
    with sqlite3.connect(installation.home.tracking) as forger:
        forger.execute("INSERT INTO run (id, experiment_id, name, user_id, status, lifecycle, start_time, created_by) "
                       "VALUES ('f0', 0, 'x', '', 'FINISHED', 'active', 0, 'ann')")

    assert [(one["what"], one["row"]) for one in _verify(installation).findings] == [("row without event", "f0")]


def test_where_a_run_stands_on_the_ledger_is_told(installation: Installation) -> None:
    run_id = _run(installation, ended=True)

    def standing() -> object:
        with installation.tracking.reading() as st, installation.database.read() as connection:
            return standing_of(st, connection, "run", run_id)

    assert standing() is None
    sealing.seal_due(installation.tracking)
    waiting = standing()
    Sealing(installation).once()
    sealed = standing()
    assert isinstance(waiting, Standing)
    assert isinstance(sealed, Standing)
    assert (waiting.verb, waiting.position, waiting.sealed_in, sealed.sealed_in) == ("run.ended", 0, None, 1)


def test_a_run_that_cannot_be_read_holds_up_no_other(installation: Installation,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    broken, whole = _run(installation, ended=True), _run(installation, ended=True)
    read = sealing.state_of

    def state_of(st: object, run_id: str) -> object:
        if run_id == broken:
            raise ValueError("unreadable")
        return read(st, run_id)  # type: ignore[arg-type]

    monkeypatch.setattr(sealing, "state_of", state_of)
    assert sealing.seal_due(installation.tracking) == 1
    assert not installation.tracking.read(lambda st: sealing.pending(st, whole))
    assert installation.tracking.read(lambda st: sealing.pending(st, broken))
    # It rests, so that it is not read again and again.
    assert sealing.seal_due(installation.tracking) == 0
    monkeypatch.undo()
    monkeypatch.setattr(sealing, "now_ms", lambda: experiments.now_ms() + 3_600_000)
    assert sealing.seal_due(installation.tracking) == 1


def test_a_run_whose_transfer_never_ends_reaches_the_ledger(installation: Installation,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    tracking = installation.tracking
    brought = wire.Run(id="a" * 32, experiment="0", name="half", tags=[("mlflow.runName", "half")])
    tracking.write(lambda st: importing.import_runs(st, ANN, [(brought, 0)]))
    assert sealing.seal_due(tracking) == 0
    assert any("Anything about 1 runs that are under way" in words for words in _verify(installation).not_proven())
    monkeypatch.setattr(sealing, "now_ms", lambda: experiments.now_ms() + 2 * importing.HELD_MS)
    assert sealing.seal_due(tracking) == 1
    assert not tracking.read(lambda st: sealing.pending(st, brought.id))
    assert _verify(installation).waiting == 0


def test_a_run_hidden_past_the_platform_is_named(installation: Installation) -> None:
    run_id = _run(installation, ended=True)
    Sealing(installation).once()
    with sqlite3.connect(installation.home.tracking) as forger:
        forger.execute("UPDATE run SET lifecycle = 'deleted'")

    assert [(one["table"], one["row"]) for one in _verify(installation).findings] == [("run", run_id)]


def test_an_open_run_that_takes_long_to_digest_rests(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = _run(installation, ended=False)
    monkeypatch.setattr(sealing, "_OPEN_MS", -1)
    monkeypatch.setattr(sealing, "_REST_FACTOR", 1e6)
    assert sealing.seal_due(installation.tracking) == 1

    installation.tracking.write(lambda st: log(st, ANN, run_id, tags=[("note", "more")]))
    assert sealing.seal_due(installation.tracking) == 0
    installation.tracking.write(lambda st: update_run(st, ANN, run_id, status="FINISHED", end_time=9))
    assert sealing.seal_due(installation.tracking) == 1
