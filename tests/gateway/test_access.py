"""Who may ask: tokens for metrics only, and a revoked token while a model cannot be loaded."""

from __future__ import annotations

import dataclasses

from stellwerk.gateway.routing import with_access
from tests.gateway.live import Live, model, revision, snapshot, token


def unloadable(live: Live) -> list:
    made = revision(live.home, "r2", data=model(-1))
    (live.home / "objects" / made.model[:2] / made.model[2:]).write_bytes(b"other")
    return [made]


def test_a_token_for_metrics_reads_metrics_and_asks_nothing(live: Live) -> None:
    live.publish([revision(live.home)], tokens=[token("watcher", metrics=True, decide=False), token("good")])
    assert live.ask("GET", "/metrics", "watcher").status_code == 200
    for method, path in (("POST", "/v1/services/loans/decisions"), ("GET", "/v1/services/loans/openapi.json")):
        refused = live.ask(method, path, "watcher")
        assert (refused.status_code, refused.json()["value"]) == (403, "decide")
    assert live.ask("GET", "/metrics", "good").status_code == 403
    assert live.ask().status_code == 200


def test_a_revoked_token_is_refused_though_a_model_cannot_be_loaded(live: Live) -> None:
    assert live.ask(secret="lending").status_code == 200
    live.publish(unloadable(live), tokens=[token("good"), token("new")])
    assert "cannot be used" in live.ask("GET", "/readyz").json()["problem"]
    assert live.ask(secret="lending").status_code == 401
    for secret in ("good", "new"):
        answer = live.ask(secret=secret)
        assert (answer.status_code, answer.json()["revision"]) == (200, "r1")


def test_a_name_that_was_taken_away_is_refused_though_a_model_cannot_be_loaded(live: Live) -> None:
    live.publish(unloadable(live), hosts=["Gateway.Example"])
    assert live.ask().status_code == 403
    assert live.ask(headers={"Host": "gateway.example:8471"}).status_code == 200


def test_taking_over_who_may_ask_changes_nothing_else(live: Live) -> None:
    former = live.app.routing
    assert former is not None
    made = with_access(former, snapshot(9, [revision(live.home, "r9")], tokens=[token("x")], hosts=["A"]))
    assert (set(made.tokens), made.hosts) == ({token("x").sha256}, frozenset({"a"}))
    for name in {field.name for field in dataclasses.fields(made)} - {"tokens", "hosts"}:
        assert getattr(made, name) is getattr(former, name)
