"""A service goes its way through the real steps; each bad day says the way out and loses nothing."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from stellwerk.features.jobs import progress_view, request_cancel
from stellwerk.features.models import versions_of
from stellwerk.features.releases import service, standings
from stellwerk.features.releases.publishing import build_snapshot, publish_if_changed
from stellwerk.features.releases.views import version_detail
from stellwerk.features.trainings import get_run
from stellwerk.infra.crypto import load_key
from stellwerk.infra.objects import ObjectStore, full_disk
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden

from .conftest import CODE, CONTRACT, MANIFEST, Workshop, person, rows

pytestmark = pytest.mark.slow
APPROVED = MANIFEST + "approval: {roles: [validator], four_eyes: true}\n"


def numbers(workshop: Workshop) -> list[int]:
    with workshop.installation.database.read() as connection:
        return [row["number"] for row in versions_of(connection, ["small"])]


def live(workshop: Workshop) -> tuple[int | None, int | None]:
    with workshop.installation.database.read() as connection:
        route = service.champion_revision(connection, "small")
        standing = standings(connection, workshop.builder, ["small"], 0)["small"]
        return route and route["version"], standing.canary and standing.canary["version"]


def test_passing_gates_release_without_approval(workshop: Workshop) -> None:
    result = workshop.ship()
    assert (result["exit"], result["outcome"]) == (0, "live")
    assert live(workshop) == (1, None)
    with workshop.installation.database.read() as connection:
        snapshot = build_snapshot(connection, workshop.installation)
        detail = version_detail(connection, "small", 1, workshop.builder, 0)
    assert [field.name for field in snapshot.revisions[0].inputs] == ["income", "region"]
    assert snapshot.routes[0].mode == "buffered"
    assert detail["evaluation"]["planned_at"] < detail["evaluation"]["created_at"]
    assert detail["version"]["parity"]["holds"]
    assert detail["lineage"]["quality"]["verdict"] == "pass"
    assert detail["waits_for"] == []


def test_the_same_again_trains_nothing_and_another_threshold_evaluates_anew(workshop: Workshop) -> None:
    first = workshop.ship()
    same = workshop.ship()
    other = workshop.ship(manifest=MANIFEST.replace("threshold: 0.5", "threshold: 0.6"))
    assert numbers(workshop) == [1]
    assert first["version"] == same["version"] == other["version"] == 1
    assert len({first["evaluation"], same["evaluation"], other["evaluation"]}) == 3


def test_again_gives_the_same_bytes_and_says_so(workshop: Workshop) -> None:
    workshop.ship()
    job = workshop.run(workshop.submit(again=True))
    assert job["outputs"]["train"]["identical"] is True
    with workshop.installation.database.read() as connection:
        run = get_run(connection, job["outputs"]["train"]["run_id"])
    assert run["identical"] is True
    assert run["differs"] == []
    assert run["repeats_run"]
    assert numbers(workshop) == [1]


def test_other_code_params_or_data_make_another_version(workshop: Workshop) -> None:
    workshop.ship()
    workshop.ship(manifest=MANIFEST.replace("C: 1.0", "C: 0.5"))
    workshop.ship(code=CODE + "\n# changed\n")
    workshop.ship(data=rows(seed=4))
    assert numbers(workshop) == [4, 3, 2, 1]


def test_a_service_may_ask_for_less_than_the_installation_allows(workshop: Workshop) -> None:
    slow = CODE + "\n\nimport time\n\nuntil = time.monotonic() + 60\nwhile time.monotonic() < until:\n    pass\n"
    error = workshop.ship(code=slow, manifest=MANIFEST + "limits: {time: 2s}\n")["error"]
    assert "longer than 2 s" in error["message"]


def test_a_failed_gate_keeps_a_version_from_release_by_any_way(workshop: Workshop) -> None:
    result = workshop.ship(manifest=MANIFEST.replace("at_least: 0.6", "at_least: 0.99"))
    assert (result["exit"], result["outcome"]) == (4, "gates")
    with pytest.raises(Conflict, match="gate failed"), workshop.installation.database.write(workshop.builder) as work:
        service.release(work, "small", 1)


def test_an_undecided_gate_waits_for_a_named_person(workshop: Workshop) -> None:
    gate = "  - {metric: selection_rate_ratio, by: group, at_least: 0.9}\n"
    manifest = APPROVED.replace("serve:", gate + "serve:")
    result = workshop.ship(manifest=manifest)
    assert result["exit"] == 4
    assert "undecided" in result["message"]
    signer = load_key(workshop.installation.home.keys_dir).sign
    vera = person("vera", "validator")
    with pytest.raises(Conflict, match="undecided"), workshop.installation.database.write(vera) as work:
        service.approve(work, signer, "small", 1, reason="looks fine")
    with pytest.raises(BadInput, match="passed"), workshop.installation.database.write(vera) as work:
        service.approve(work, signer, "small", 1, reason="looks fine", until="2020-01-01",
                        accept=frozenset({"selection_rate_ratio:group"}))
    with workshop.installation.database.write(vera) as work:
        service.approve(work, signer, "small", 1, reason="few people yet", until="2099-01-01",
                        accept=frozenset({"selection_rate_ratio:group"}))
    with workshop.installation.database.write(workshop.builder) as work:
        assert service.release(work, "small", 1)["state"] == "champion"


def test_approval_canary_champion_rollback(workshop: Workshop) -> None:
    database = workshop.installation.database
    signer = load_key(workshop.installation.home.keys_dir).sign
    vera = person("vera", "validator")
    assert workshop.ship(manifest=APPROVED)["exit"] == 3
    with pytest.raises(Conflict, match="validator"), database.write(workshop.builder) as work:
        service.release(work, "small", 1)
    both = person("bob", "builder", "validator")
    with pytest.raises(Forbidden, match="four eyes"), database.write(both) as work:
        service.approve(work, signer, "small", 1, reason="mine is good")
    with database.write(vera) as work:
        service.approve(work, signer, "small", 1, reason="looked at it")
    with database.write(workshop.builder) as work:
        service.release(work, "small", 1)
    workshop.ship(manifest=APPROVED.replace("C: 1.0", "C: 0.5"))
    with database.write(vera) as work:
        service.approve(work, signer, "small", 2, reason="looked at it")
    with database.write(workshop.builder) as work:
        service.release(work, "small", 2, share=0.2)
    assert live(workshop) == (1, 2)
    with database.write(workshop.builder) as work:
        service.release(work, "small", 2)
    assert live(workshop) == (2, None)
    with database.write(workshop.builder) as work:
        service.rollback(work, "small", version=None, reason="errors rose")
    assert live(workshop) == (1, None)
    with database.write(workshop.builder) as work:
        service.rollback(work, "small", version=2, reason="was no fault of it")
    assert live(workshop) == (2, None)


def test_an_approval_of_what_changed_since_is_refused(workshop: Workshop) -> None:
    workshop.ship(manifest=APPROVED)
    with workshop.installation.database.read() as connection:
        seen = version_detail(connection, "small", 1, workshop.builder, 0)["revision"]["digest"]
    workshop.ship(manifest=APPROVED.replace("threshold: 0.5", "threshold: 0.55"))
    signer = load_key(workshop.installation.home.keys_dir).sign
    with (pytest.raises(Conflict, match="changed since"),
          workshop.installation.database.write(person("vera", "validator")) as work):
        service.approve(work, signer, "small", 1, reason="looked at it", digest=seen)


def test_two_releases_at_once_are_refused(workshop: Workshop) -> None:
    workshop.ship()
    workshop.ship(manifest=MANIFEST.replace("C: 1.0", "C: 0.5").replace("below: reject", "below: reject, canary: 0.1"))
    assert live(workshop) == (1, 2)
    third = workshop.ship(manifest=MANIFEST.replace("C: 1.0", "C: 0.2"))
    assert third["exit"] == 3
    with pytest.raises(Conflict, match="under way"), workshop.installation.database.write(workshop.builder) as work:
        service.release(work, "small", 3)


def test_the_snapshot_is_published_once_per_change(workshop: Workshop) -> None:
    workshop.ship()
    first = publish_if_changed(workshop.installation)
    assert publish_if_changed(workshop.installation) == first
    workshop.ship(manifest=MANIFEST.replace("C: 1.0", "C: 0.5"))
    assert publish_if_changed(workshop.installation) == first + 1


@pytest.mark.parametrize(("changes", "code", "words"), [
    ({"code": "def train(data, params):\n    raise ValueError('no such column: incme')\n"}, "function_failed", "incme"),
    ({"code": "def train(data, params):\n    return 5\n"}, "function_failed", "predict_proba"),
    ({"code": "def fit(data, params):\n    return 5\n"}, "function_failed", "train"),
    ({"code": CODE.replace("LogisticRegression(C=params[\"C\"])", "HGB()").replace(
        "from sklearn.pipeline", "from sklearn.ensemble import HistGradientBoostingClassifier as HGB\n"
                                 "from sklearn.pipeline")}, "function_failed", "ONNX"),
    ({"manifest": MANIFEST.replace("target: good", "target: god")}, "invalid_parameter", "god"),
    ({"data": rows().replace("yes", "maybe").replace("no", "maybe"), "contract": CONTRACT.replace(
        ', enum: ["yes", "no"]', "")}, "invalid_parameter", "two"),
])
def test_what_goes_wrong_is_named_and_loses_nothing(workshop: Workshop, changes: dict[str, Any], code: str,
                                                    words: str) -> None:
    result = workshop.ship(**changes)
    assert result["exit"] == 1
    assert result["error"]["error_code"] == code
    assert words in result["error"]["message"]
    assert numbers(workshop) == []
    assert workshop.ship()["exit"] == 0


def test_a_broken_contract_ends_with_examples_and_trains_nothing(workshop: Workshop) -> None:
    result = workshop.ship(data=rows() + "401,-5,north,a,yes\n402,many,south,a,yes\n")
    assert (result["exit"], result["outcome"]) == (5, "contract")
    broken = {(rule["column"], rule["rule"]): rule for rule in result["report"]["rules"] if rule["failing"]}
    assert broken["income", "minimum"]["examples"] == [{"row": 401, "value": -5.0}]
    assert broken["income", "type"]["examples"] == [{"row": 402, "value": "many"}]
    assert numbers(workshop) == []


def test_a_compiled_model_beyond_tolerance_is_shown_and_kept_from_release(workshop: Workshop) -> None:
    forest = CODE.replace("LogisticRegression(C=params[\"C\"])", "RandomForestClassifier(50, random_state=1)").replace(
        "from sklearn.pipeline", "from sklearn.ensemble import RandomForestClassifier\nfrom sklearn.pipeline")
    result = workshop.ship(code=forest)
    with workshop.installation.database.read() as connection:
        detail = version_detail(connection, "small", 1, workshop.builder, 0)
    parity = detail["version"]["parity"]
    # A forest behind a scaler: splits cross in single precision.
    assert not parity["holds"]
    assert parity["offending"]
    assert result["exit"] == 4
    assert "differs from the trained one" in result["message"]
    with pytest.raises(Conflict, match="compiled model"), workshop.installation.database.write(workshop.builder) as work:
        service.release(work, "small", 1)


def test_a_function_that_hangs_is_ended_and_named(workshop: Workshop) -> None:
    from dataclasses import replace

    from stellwerk.infra.installation import Installation

    impatient = replace(workshop.installation.settings, job_idle_seconds=2)
    hurried = Workshop(Installation(workshop.installation.home, impatient), workshop.builder)
    result = hurried.ship(code="import time\n\ndef train(data, params):\n    time.sleep(3600)\n")
    assert result["exit"] == 1
    assert result["error"]["details"]["kind"] == "hang"
    assert result["error"]["hint"]
    assert workshop.ship()["exit"] == 0


def test_a_full_disk_ends_the_job_with_the_way_out_and_loses_nothing(workshop: Workshop,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = workshop.submit()

    def full(self: ObjectStore, source: Path) -> str:
        with full_disk():
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "put_file", full)
        job = workshop.run(job_id)
    assert job["state"] == "failed"
    assert "disk is full" in job["error"]["message"]
    assert "Free space" in job["error"]["hint"]
    assert numbers(workshop) == []
    assert workshop.ship()["exit"] == 0


def test_a_cancelled_job_stops_before_its_next_step(workshop: Workshop) -> None:
    job_id = workshop.submit()
    with workshop.installation.database.write(workshop.builder) as work:
        request_cancel(work, job_id)
    job = workshop.run(job_id)
    assert job["state"] == "cancelled"
    assert numbers(workshop) == []


def test_a_step_that_ran_before_a_crash_is_not_run_twice(workshop: Workshop) -> None:
    job_id = workshop.submit()
    workshop.run(job_id)
    with workshop.installation.database.read() as connection:
        before = progress_view(connection, job_id, 0)["events"]
    workshop.run(job_id)
    with workshop.installation.database.read() as connection:
        assert progress_view(connection, job_id, 0)["events"] == before
    assert numbers(workshop) == [1]
