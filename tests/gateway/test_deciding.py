"""What a decision says is what its record says; a key gives the same answer again; a canary takes its share."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from scipy.stats import binomtest

from stellwerk.dataplane.decision_log.idempotency import ABANDONED_SECONDS
from stellwerk.dataplane.snapshot import Route
from stellwerk.gateway import decide
from stellwerk.gateway.routing import share_of
from stellwerk.kernel import canonical_json
from stellwerk.kernel.clock import iso_us
from tests.gateway.live import BODY, PATH, Live, model, revision


def test_the_answer_is_what_the_record_holds(live: Live) -> None:
    body = {"inputs": {"income": 95, "town": "north"}, "subject": 17, "protected": {"group": "u"}}
    said = live.ask(json=body).json()
    record = live.log.by_id(said["id"])
    assert record is not None
    assert said == {
        "id": record.id, "service": "loans", "decision": "selected", "score": record.score, "threshold": 0.5,
        "revision": "r1", "model_version": 1, "decided_at": iso_us(record.at_us),
        "marks": [{"field": "income", "mark": "outside_training_range", "value": 95, "seen": [10.0, 90.0]}]}
    assert (record.caller, record.route, record.mode, record.decision) == ("name-good", "champion", "sync", "selected")
    assert record.personal() == {"inputs": {"income": 95, "town": "north", "years": None}, "subject": "17",
                                 "protected": {"group": "u"}}
    assert canonical_json.loads(record.marks) == said["marks"]
    assert record.latency_us > 0
    assert len(record.nonce) == 16


def test_a_refused_request_leaves_no_record(live: Live) -> None:
    answer = live.ask(json={**BODY, "inputs": {"income": 1001, "town": "north"}})
    assert answer.status_code == 400
    assert answer.json()["field"] == "inputs.income"
    assert live.log.by_time(services=None) == []


@pytest.mark.parametrize(("rule", "expected"), [
    ({"threshold": 0.5, "below": "review"}, ["review", "selected"]),
    ({"threshold": 0.5, "below": "reject"}, ["rejected", "selected"]),
    ({"threshold": 0.5, "below": "review", "between": [0.2, 0.9999]}, ["rejected", "review"]),
    ({"threshold": 0.0, "below": "reject"}, ["selected", "selected"])])
def test_the_rule_of_the_revision_decides(live: Live, rule: dict[str, Any], expected: list[str]) -> None:
    live.publish([revision(live.home, "r2", **rule)])
    found = [live.ask(json={"inputs": {"income": income, "town": "south"}, "subject": "p"}).json()
             for income in (20, 55)]
    assert [each["decision"] for each in found] == expected
    assert {each["threshold"] for each in found} == {rule["between"][1] if "between" in rule else rule["threshold"]}


@pytest.mark.parametrize("mode", ["sync", "buffered"])
def test_the_mode_of_the_route_is_the_records(live: Live, mode: Any) -> None:
    live.publish([revision(live.home)], routes=[Route(service="loans", team="lending", champion="r1", mode=mode)])
    record = live.log.by_id(live.ask().json()["id"])
    assert record is not None
    assert record.mode == mode


def test_what_the_model_cannot_score_is_refused_not_decided(live: Live) -> None:
    inputs = [field if field.name != "income" else type(field)(name="income", type="number", nullable=True)
              for field in revision(live.home).inputs]
    live.publish([revision(live.home, "r2", inputs=inputs)])
    answer = live.ask(json={"inputs": {"town": "north"}, "subject": "p"})
    assert answer.status_code == 400
    assert answer.json()["value"] == {"null": ["income", "years"]}
    assert "income" in answer.json()["hint"]
    assert live.log.by_time(services=None) == []


def test_a_category_that_the_model_refuses_is_refused_in_words(live: Live) -> None:
    live.publish([revision(live.home, "r2", data=model(1, "error"))])
    assert live.app.problem is None
    assert live.ask().status_code == 200
    answer = live.ask(json={"inputs": {"income": 50}, "subject": "p"})
    assert (answer.status_code, answer.json()["field"]) == (400, "inputs")


def test_a_full_log_is_said_and_nothing_is_answered(live: Live) -> None:
    live.ask()
    live.writer._connection.execute("PRAGMA query_only=ON")
    answer = live.ask()
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    live.writer._connection.execute("PRAGMA query_only=OFF")
    assert live.ask().status_code == 200
    assert len(live.log.by_time(services=None)) == 2


def keyed(key: str, **changes: Any) -> dict[str, Any]:
    return {**BODY, "idempotency_key": key, **changes}


def test_the_same_request_with_its_key_gets_the_same_bytes(live: Live) -> None:
    marked = keyed("k", inputs={"income": 95.5, "town": "north"})
    first = live.ask(json=marked)
    assert first.status_code == 200
    assert first.json()["marks"]
    assert live.ask(json=marked).content == first.content
    live.publish([revision(live.home, "r2", data=model(-1))])
    assert live.ask(json=marked).content == first.content
    assert len(live.log.by_time(services=None)) == 1
    other = live.ask(json=keyed("k", subject="p2"))
    assert (other.status_code, other.json()["field"]) == (409, "idempotency_key")
    assert live.ask(json=marked, secret="lending").json()["id"] != first.json()["id"]


def test_of_many_at_once_with_one_key_one_decides(live: Live) -> None:
    async def ask() -> list[Any]:
        async with live.client() as client:
            return await asyncio.gather(*(client.post(PATH, json=keyed("k")) for _ in range(40)))

    answers = asyncio.run(ask())
    good = [answer for answer in answers if answer.status_code == 200]
    assert good
    assert {answer.content for answer in good} == {good[0].content}
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
    assert len(live.log.by_time(services=None)) == 1
    assert live.ask(json=keyed("k")).content == good[0].content


def test_many_keys_at_once_each_decide_once(live: Live) -> None:
    async def ask() -> list[Any]:
        async with live.client() as client:
            return await asyncio.gather(*(client.post(PATH, json=keyed(f"k{number}")) for number in range(60)))

    answers = asyncio.run(ask())
    assert {answer.status_code for answer in answers} == {200}
    assert len(live.log.by_time(services=None, limit=100)) == 60


def test_a_refusal_gives_the_key_back(live: Live) -> None:
    assert live.ask(json=keyed("k", inputs={"income": -1})).status_code == 400
    live.writer._connection.execute("PRAGMA query_only=ON")
    assert live.ask(json=keyed("k")).status_code == 503
    live.writer._connection.execute("PRAGMA query_only=OFF")
    assert live.ask(json=keyed("k", subject="another")).status_code == 200


def test_a_key_whose_request_died_is_taken_over_after_a_while(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as broken:
        broken.setattr(decide.Decider, "_keep", dies)
        with pytest.raises(asyncio.CancelledError):
            live.ask(json=keyed("k"))
    answer = live.ask(json=keyed("k"))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    with sqlite3.connect(live.decisions / "idempotency.sqlite") as claims:
        claims.execute("UPDATE claim SET claimed_at = claimed_at - ?", (ABANDONED_SECONDS + 1,))
    claims.close()
    taken = live.ask(json=keyed("k"))
    assert taken.status_code == 200
    assert live.ask(json=keyed("k")).content == taken.content


def test_a_request_that_died_after_its_record_was_decided(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record counts: a repetition gets its answer, not a second decision."""
    keep = decide.Decider._keep

    async def dies(self: Any, *values: Any) -> None:
        await keep(self, *values)
        raise asyncio.CancelledError

    with monkeypatch.context() as broken:
        broken.setattr(decide.Decider, "_keep", dies)
        with pytest.raises(asyncio.CancelledError):
            live.ask(json=keyed("k"))
    (record,) = live.log.by_time(services=None)
    assert live.ask(json=keyed("k")).json()["id"] == record.id
    assert len(live.log.by_time(services=None)) == 1


def with_canary(live: Live, share: float) -> None:
    live.publish([revision(live.home), revision(live.home, "r2", version=2, data=model(-1))], routes=[
        Route(service="loans", team="lending", champion="r1", canary="r2", share=share)])


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_a_canary_takes_its_share_the_same_subjects_each_time(live: Live, share: float) -> None:
    with_canary(live, share)
    routing = live.app.routing
    assert routing is not None
    route = routing.routes["loans"]
    kinds = [routing.choose(route, f"subject-{number}")[1] for number in range(20_000)]
    assert binomtest(kinds.count("canary"), len(kinds), share).pvalue > 1e-6
    assert kinds == [routing.choose(route, f"subject-{number}")[1] for number in range(20_000)]


def test_a_growing_share_only_adds_subjects(live: Live) -> None:
    taken: set[str] = set()
    for share in (0.0, 0.1, 0.4, 1.0):
        with_canary(live, share)
        routing = live.app.routing
        assert routing is not None
        now = {key for key in map(str, range(500))
               if routing.choose(routing.routes["loans"], key)[1] == "canary"}
        assert taken <= now
        taken = now
    assert len(taken) == 500


def test_two_services_split_apart() -> None:
    both = [(share_of("loans", str(key)) < 0.5, share_of("cards", str(key)) < 0.5) for key in range(4000)]
    assert binomtest(sum(a == b for a, b in both), len(both), 0.5).pvalue > 1e-6


def test_a_subject_meets_one_revision_as_number_and_as_text(live: Live) -> None:
    with_canary(live, 0.5)
    for number in range(12):
        said = [live.ask(json={**BODY, "subject": subject}).json() for subject in (number, str(number), number)]
        assert len({each["revision"] for each in said}) == 1
        record = live.log.by_id(said[0]["id"])
        assert record is not None
        assert record.route == {"r1": "champion", "r2": "canary"}[said[0]["revision"]]
        assert said[0]["model_version"] == {"r1": 1, "r2": 2}[said[0]["revision"]]
