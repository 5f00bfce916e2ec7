"""What each station of a line shows, and the sentence beside it."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.features.board.stations import DATA, GATES, LIVE, NAMES, Traffic, stations
from stellwerk.features.board.words import sentence
from stellwerk.features.releases import Standing

GATE = {"gate": "selection_rate_ratio:race", "metric": "selection_rate_ratio", "by": "race", "side": "at_least",
        "limit": 0.8, "group": "black", "reference": "other", "value": 0.72, "low": 0.65, "high": 0.79, "n": 339}


def job(state: str = "succeeded", stage: str = "release", outcome: str | None = "waiting", kind: str = "ship",
        error: str | None = None) -> dict[str, Any]:
    return {"id": "j", "kind": kind, "state": state, "stage": stage, "result": {"outcome": outcome} if outcome else None,
            "error": {"message": error} if error else None, "created_at": "2026-11-24T09:00:00Z", "finished_at": None}


def standing(state: str = "candidate", verdict: str = "pass", **changes: Any) -> Standing:
    row = {"id": "r", "number": 2, "version": 2, "state": state, "team": "lending"}
    base: dict[str, Any] = {
        "revision": row, "verdict": verdict, "verdicts": [{"verdict": verdict}], "required": ("validator",),
        "missing": ("validator",)}
    return Standing(**base | changes)  # type: ignore[arg-type]


def lamps(traffic: Traffic) -> dict[str, tuple[str, str]]:
    return {station.name: (station.lamp, station.word) for station in stations(traffic)}


def test_the_line_has_six_stations_in_the_order_of_the_way() -> None:
    assert [station.name for station in stations(Traffic(Standing()))] == list(NAMES)
    assert {station.lamp for station in stations(Traffic(Standing()))} == {"unset"}


def test_outcome_is_never_green() -> None:
    row = {"number": 1, "version": 1}
    live = standing("champion", missing=(), champion=row)
    assert lamps(Traffic(live, version=1))["Outcome"] == ("unset", "not measured")


@pytest.mark.parametrize(("report", "shown"), [
    ({"verdict": "pass", "rows": 2380, "broken": 0}, ("clear", "2,380 rows")),
    ({"verdict": "warn", "rows": 2380, "broken": 1}, ("caution", "1 warning")),
    ({"verdict": "warn", "rows": 2380, "broken": 3}, ("caution", "3 warnings")),
    ({"verdict": "fail", "rows": 2380, "broken": 1}, ("stop", "contract broken"))])
def test_data_speaks_of_its_quality_report(report: dict[str, Any], shown: tuple[str, str]) -> None:
    assert lamps(Traffic(Standing(), data=report))["Data"] == shown


@pytest.mark.parametrize(("stage", "name", "word"), [
    ("environment", "Data", "reading"), ("data", "Data", "reading"), ("plan", "Model", "training"),
    ("train", "Model", "training"), ("evaluate", "Gates", "judging")])
def test_a_running_job_lights_the_station_where_it_stands(stage: str, name: str, word: str) -> None:
    traffic = Traffic(Standing(), job=job("running", stage, None))
    assert lamps(traffic)[name] == ("way", word)
    assert [lamp for lamp, _ in lamps(traffic).values()].count("way") == 1


def test_a_failed_job_stops_where_it_failed_and_says_why() -> None:
    traffic = Traffic(Standing(), job=job("failed", "train", "error", error="service:train raised ValueError"))
    assert lamps(traffic)["Model"] == ("stop", "failed")
    assert sentence(traffic) == "The last job failed: service:train raised ValueError."


def test_a_check_alone_moves_nothing() -> None:
    traffic = Traffic(Standing(), job=job("failed", "data", "error", kind="check"))
    assert {lamp for lamp, _ in lamps(traffic).values()} == {"unset"}


@pytest.mark.parametrize(("verdict", "blocking", "shown"), [
    ("pass", (), ("clear", "1 of 1 pass")), ("fail", (GATE | {"verdict": "fail"},), ("stop", "1 of 1 fails")),
    ("undecided", (GATE | {"verdict": "undecided"},), ("caution", "undecided")), ("undecided", (), ("clear", "accepted"))])
def test_gates(verdict: str, blocking: tuple[Any, ...], shown: tuple[str, str]) -> None:
    assert lamps(Traffic(standing(verdict=verdict, blocking=blocking)))["Gates"] == shown


def test_approval_waits_only_once_the_gates_let_it() -> None:
    assert lamps(Traffic(standing()))["Approval"] == ("caution", "0 of 1")
    held = standing(verdict="fail", blocking=(GATE | {"verdict": "fail", "reason": ""},))
    assert lamps(Traffic(held))["Approval"] == ("unset", "0 of 1")
    assert lamps(Traffic(standing(required=(), missing=())))["Approval"] == ("unset", "not asked")
    assert lamps(Traffic(standing("rejected")))["Approval"] == ("stop", "rejected")


def test_live_names_the_champions_revision_and_the_canary() -> None:
    champion, canary = {"number": 3, "version": 2}, {"number": 4, "version": 3}
    assert lamps(Traffic(standing("champion", champion=champion)))["Live"] == ("clear", "revision 3")
    both = standing("canary", champion=champion, canary=canary, share=0.1)
    assert lamps(Traffic(both))["Live"] == ("way", "revision 3, canary 10 %")


@pytest.mark.parametrize(("traffic", "words"), [
    (Traffic(Standing()), "Nothing has been shipped yet."),
    (Traffic(standing()), "Version 2 waits for approval by validator."),
    (Traffic(standing(action="approve")), "Version 2 waits for your approval."),
    (Traffic(standing("approved", missing=())), "Version 2 is approved and waits for its release."),
    (Traffic(standing("champion", missing=())), "Version 2 decides; nothing waits."),
    (Traffic(standing("rejected", champion={"number": 1, "version": 1})),
     "Version 2 was rejected; version 1 goes on deciding."),
    (Traffic(Standing(), job=job("queued", "", None)), "A job waits for the worker."),
    (Traffic(standing(verdict="fail", blocking=(GATE | {"verdict": "fail", "reason": "beyond"},))),
     "Version 2 is held: the selection rate of the group “black” is 0.72 times that of “other”; the gate asks for "
     "at least 0.80.")])
def test_one_sentence_says_what_it_waits_for(traffic: Traffic, words: str) -> None:
    assert sentence(traffic) == words


def test_places_are_counted_from_the_data() -> None:
    assert (NAMES[DATA], NAMES[GATES], NAMES[LIVE]) == ("Data", "Gates", "Live")
