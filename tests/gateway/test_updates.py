"""Routing is swapped whole under load, a rollback is the next generation, a bad snapshot changes nothing."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from stellwerk.dataplane.snapshot import Field, Route, publish
from stellwerk.gateway.routing import build
from tests.gateway.live import BODY, PATH, Live, model, revision, snapshot


def present(live: Live) -> str:
    return str(live.ask().json()["revision"])


def test_a_swap_under_load_fails_no_request_and_a_rollback_shows(live: Live) -> None:
    old, new = revision(live.home), revision(live.home, "r2", version=2, data=model(-1))

    async def run() -> list[Any]:
        answers: list[Any] = []
        done = asyncio.Event()

        async def ask() -> None:
            async with live.client() as client:
                while not done.is_set():
                    answers.append(await client.post(PATH, json=BODY))

        async def swap() -> None:
            try:
                for change in ([new], [old], [new], [old]):
                    before = len(answers)
                    await asyncio.to_thread(live.publish, change)
                    while not any(answer.json().get("revision") == change[0].id for answer in answers[before:]):
                        before = max(before, len(answers) - 10)
                        await asyncio.sleep(0)
            finally:
                done.set()

        await asyncio.gather(swap(), *(ask() for _ in range(8)))
        return answers

    answers = asyncio.run(run())
    assert {answer.status_code for answer in answers} == {200}
    said = {(answer.json()["revision"], answer.json()["decision"]) for answer in answers}
    assert said == {("r1", "selected"), ("r2", "review")}
    assert present(live) == "r1"
    assert len(live.log.by_time(services=None, limit=100_000)) == len(answers) + 1


def spoil_file(live: Live) -> None:
    live.generation += 1
    publish(live.home / "snapshots", snapshot(live.generation, [revision(live.home, "r2")]))
    (live.home / "snapshots" / f"{live.generation}.json").write_text('{"format":1')
    live.updates.look()


def spoil_model(live: Live) -> None:
    bad = revision(live.home, "r2", data=b"no model")
    live.publish([bad])


def spoil_content(live: Live) -> None:
    changed = revision(live.home, "r2", data=model(-1))
    (live.home / "objects" / changed.model[:2] / changed.model[2:]).write_bytes(model(1))
    live.publish([changed])


def spoil_route(live: Live) -> None:
    live.publish([revision(live.home)], routes=[Route(service="loans", team="lending", champion="nothing")])


def spoil_canary(live: Live) -> None:
    live.publish([revision(live.home)],
                 routes=[Route(service="loans", team="lending", champion="r1", canary="nothing", share=0.5)])


def spoil_pattern(live: Live) -> None:
    live.publish([revision(live.home, "r2", inputs=[Field(name="town", type="string", pattern="("),
                                                    Field(name="income", type="number")])])


def spoil_inputs(live: Live) -> None:
    live.publish([revision(live.home, "r2", inputs=[Field(name="town", type="string")])])


def spoil_kind(live: Live) -> None:
    live.publish([revision(live.home, "r2", inputs=[Field(name="town", type="number"),
                                                    Field(name="income", type="number")])])


@pytest.mark.parametrize("spoil", [spoil_file, spoil_model, spoil_content, spoil_route, spoil_canary, spoil_pattern,
                                   spoil_inputs, spoil_kind])
def test_a_bad_snapshot_leaves_the_last_good_one(live: Live, spoil: Any, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(live)
    live.updates.look()
    live.updates.look()
    assert present(live) == "r1"
    said = live.ask("GET", "/readyz").json()
    assert (said["status"], said["generation"]) == ("ready", 1)
    assert "snapshot 2 cannot be used" in said["problem"]
    assert str(live.home) not in said["problem"]
    errors = [line for line in capsys.readouterr().err.splitlines() if '"level": "error"' in line]
    assert len(errors) == 1
    live.publish([revision(live.home, "r3")])
    assert present(live) == "r3"
    assert live.ask("GET", "/readyz").json()["problem"] is None


def test_a_model_that_cannot_be_read_yet_is_taken_up_once_it_can(live: Live) -> None:
    late = revision(live.home, "r2", data=model(-1))
    file = live.home / "objects" / late.model[:2] / late.model[2:]
    aside = file.rename(live.home / "aside")
    live.publish([late])
    assert present(live) == "r1"
    problem = live.ask("GET", "/readyz").json()["problem"]
    assert "snapshot 2 cannot be used" in problem
    assert str(live.home) not in problem
    aside.rename(file)
    live.updates.look()
    assert present(live) == "r2"
    assert live.ask("GET", "/readyz").json()["problem"] is None


def test_what_did_not_change_is_not_loaded_again(live: Live) -> None:
    before = live.app.routing
    assert before is not None
    live.publish([revision(live.home), revision(live.home, "r2", data=model(-1))])
    after = live.app.routing
    assert after is not None
    assert after.deployed["r1"] is before.deployed["r1"]
    live.publish([revision(live.home, threshold=0.9)])
    latest = live.app.routing
    assert latest is not None
    assert latest.deployed["r1"] is not before.deployed["r1"]
    assert set(latest.deployed) == {"r1"}


def test_following_goes_on_after_each_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(tmp_path)
    monkeypatch.setattr("stellwerk.gateway.__main__._POLL_SECONDS", 0)
    taken = threading.Event()

    async def run() -> None:
        following = asyncio.create_task(live.updates.follow())
        publish(tmp_path / "snapshots", snapshot(1, [revision(tmp_path, data=b"bad")]))
        while live.app.problem is None:
            await asyncio.sleep(0)
        publish(tmp_path / "snapshots", snapshot(2, [revision(tmp_path)]))
        while live.app.routing is None:
            assert not following.done()
            await asyncio.sleep(0)
        taken.set()
        following.cancel()

    asyncio.run(asyncio.wait_for(run(), 60))
    assert taken.is_set()
    assert present(live) == "r1"
    live.close()


def test_building_is_all_or_nothing(live: Live) -> None:
    former = live.app.routing
    assert former is not None
    with pytest.raises(ValueError, match="content that was approved"):
        other = revision(live.home, "r2", data=model(-1))
        (live.home / "objects" / other.model[:2] / other.model[2:]).write_bytes(b"")
        build(snapshot(2, [revision(live.home), other]), live.home / "objects", former)
    assert set(former.deployed) == {"r1"}
