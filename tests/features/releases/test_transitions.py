"""The table of transitions: what each rule refuses, in which words, and what can never happen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.features.releases.facts import Facts
from stellwerk.features.releases.transitions import STATES, TRANSITIONS
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Conflict, Forbidden, StellwerkError

DIGEST = "d" * 64
PASS = {"gate": "roc_auc at least 0.75", "verdict": "pass", "reason": "0.81 is above 0.75"}
FAIL = {"gate": "selection_rate_ratio", "verdict": "fail", "reason": "0.72 [0.65, 0.77] lies below 0.8"}
OPEN = {"gate": "selection_rate_ratio", "verdict": "undecided", "reason": "0.83 [0.78, 0.87] spans 0.8"}


def person(name: str, *roles: str, team: str = "lending") -> Actor:
    return Actor(kind="person", id=name, name=name, person_id=name, roles=frozenset((team, role) for role in roles))


def yes(name: str, role: str, digest: str = DIGEST) -> dict[str, Any]:
    return {"verdict": "approve", "person_id": name, "role": role, "digest": digest}


def facts(**changes: Any) -> Facts:
    revision = {"id": "r2", "service": "mortgage", "team": "lending", "version": 2, "state": "candidate",
                "content_digest": DIGEST, "champion_at": None,
                "approval": {"roles": ["validator", "product_owner"], "four_eyes": True}}
    revision |= changes.pop("revision", {})
    base = Facts(actor=person("vera", "validator"), revision=revision, verdicts=[PASS], parity={"holds": True},
                 accepted={}, approvals=[], newest_of_version="r2", route=None, builders=frozenset({"bob"}),
                 reason="Looked at groups and calibration.")
    return replace(base, **changes)


def refusal(name: str, given_facts: Facts) -> StellwerkError | None:
    try:
        TRANSITIONS[name].check(given_facts)
    except StellwerkError as error:
        return error
    return None


def test_validator_may_approve_what_passes() -> None:
    assert refusal("approve", facts()) is None


@pytest.mark.parametrize(("changes", "kind", "words"), [
    ({"reason": " "}, BadInput, "reason"),
    ({"seen_digest": "e" * 64}, Conflict, "changed since"),
    ({"newest_of_version": "r3"}, Conflict, "changed since"),
    ({"actor": person("bob", "validator")}, Forbidden, "four eyes"),
    ({"actor": person("olga", "operator")}, Forbidden, "none of the roles"),
    ({"actor": person("vera", "validator", team="claims")}, Forbidden, "none of the roles"),
    ({"approvals": [yes("vera", "validator")], "actor": person("vera", "validator", "product_owner")},
     Conflict, "already"),
    ({"verdicts": [FAIL]}, Conflict, "failed"),
    ({"verdicts": [OPEN]}, Conflict, "undecided"),
    ({"accepts_now": frozenset({FAIL["gate"]}), "verdicts": [FAIL]}, BadInput, "undecided"),
    ({"revision": {"state": "champion"}}, Conflict, "champion"),
    ({"revision": {"approval": None}}, Conflict, "no approval"),
])
def test_approval_is_refused(changes: dict[str, Any], kind: type[StellwerkError], words: str) -> None:
    error = refusal("approve", facts(**changes))
    assert isinstance(error, kind)
    assert words in error.message


def test_an_admin_does_not_approve_by_being_admin() -> None:
    admin = Actor(kind="person", id="a", name="a", person_id="a", roles=frozenset({(None, "admin")}))
    assert isinstance(refusal("approve", facts(actor=admin)), Forbidden)


def test_undecided_can_be_accepted_with_the_approval() -> None:
    assert refusal("approve", facts(verdicts=[OPEN], accepts_now=frozenset({OPEN["gate"]}))) is None


@pytest.mark.parametrize("name", ["canary", "champion"])
def test_release_needs_every_role(name: str) -> None:
    route = {"champion": "r1", "canary": None}
    half = facts(approvals=[yes("vera", "validator")], route=route, share=0.1)
    error = refusal(name, half)
    assert error is not None
    assert "product_owner" in error.message
    whole = replace(half, approvals=[yes("vera", "validator"), yes("paul", "product_owner")])
    assert refusal(name, whole) is None


def test_an_approval_lapses_when_the_content_changes() -> None:
    old = [yes("vera", "validator", "e" * 64), yes("paul", "product_owner", "e" * 64)]
    error = refusal("champion", facts(approvals=old))
    assert error is not None
    assert "lapsed" in error.message


def test_two_releases_at_once_are_refused() -> None:
    both = [yes("vera", "validator"), yes("paul", "product_owner")]
    error = refusal("champion", facts(approvals=both, route={"champion": "r1", "canary": "r9"}))
    assert error is not None
    assert "under way" in error.message


@pytest.mark.parametrize("share", [None, 0.0, 1.0, -0.1, 2.0])
def test_a_canary_takes_a_part(share: float | None) -> None:
    route = {"champion": "r1", "canary": None}
    error = refusal("canary", facts(revision={"approval": None}, share=share, route=route))
    assert isinstance(error, BadInput)
    assert error.field == "share"


def test_only_a_former_champion_comes_back() -> None:
    assert refusal("rollback", facts(revision={"state": "retired", "champion_at": 5})) is None
    assert isinstance(refusal("rollback", facts(revision={"state": "retired"})), Conflict)


@given(state=st.sampled_from(STATES), verdicts=st.lists(st.sampled_from([PASS, FAIL, OPEN]), min_size=1),
       roles=st.lists(st.sampled_from(["validator", "product_owner"]), max_size=3),
       name=st.sampled_from(["canary", "champion"]), holds=st.booleans())
def test_nothing_goes_live_with_a_failed_gate_bad_parity_or_missing_yes(
        state: str, verdicts: list[dict[str, str]], roles: list[str], name: str, holds: bool) -> None:
    approvals = [yes(f"p{index}", role) for index, role in enumerate(roles)]
    case = facts(revision={"state": state}, verdicts=verdicts, approvals=approvals, parity={"holds": holds, "message": ""},
                 route={"champion": "r1", "canary": None}, share=0.5)
    if refusal(name, case) is None:
        assert all(row["verdict"] == "pass" for row in verdicts)
        assert holds
        assert set(roles) == {"validator", "product_owner"}
        assert state in ("candidate", "approved", "canary")
