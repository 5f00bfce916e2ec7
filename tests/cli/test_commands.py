import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.cli.commands.decide import parse_pair
from stellwerk.kernel.errors import BadInput

VERSION = "/api/v1/services/churn/versions/2"
REVISION = {"digest": "d" * 64, "state": "candidate", "threshold": 0.5}
DETAIL = {"service": {}, "version": {"parity": {}}, "revision": REVISION, "evaluation": {"verdicts": []},
          "approvals": {"answers": []}, "waits_for": ["approval by product_owner"]}
LIVE = {"champion": {"version": 2, "threshold": 0.5}, "canary": {"version": 3}, "share": 0.1}


def bodies(server, method="POST"):
    return [json.loads(body) for seen, _, _, body, _ in server.seen if seen == method]


def test_approve_signs_the_digest_that_stands_there_now(call, server):
    server.routes["GET", VERSION] = lambda *parts: (200, DETAIL)
    server.routes["POST", VERSION + "/approvals"] = lambda *parts: (201, DETAIL)
    said = call("approve", "churn", "2", "--reason", "looked", "--accept-undecided", "g", "--until", "2027-01-01")
    assert said.code == 0
    assert "approval by product_owner" in said.out
    assert bodies(server) == [{"verdict": "approve", "reason": "looked", "digest": "d" * 64, "accept_undecided": ["g"],
                               "until": "2027-01-01"}]


def test_approve_of_a_digest_seen_before_does_not_look_again(call, server):
    server.routes["POST", VERSION + "/approvals"] = lambda *parts: (201, DETAIL)
    assert call("approve", "churn", "2", "--reason", "looked", "--digest", "e" * 64).code == 0
    assert bodies(server)[0]["digest"] == "e" * 64


def test_an_undecided_gate_is_accepted_until_a_date_only(call, server):
    said = call("approve", "churn", "2", "--reason", "x", "--accept-undecided", "g")
    assert said.code == 1
    assert "--until" in said.err
    assert server.seen == []


def test_a_version_without_evaluation_cannot_be_signed(call, server):
    server.routes["GET", VERSION] = lambda *parts: (200, {**DETAIL, "revision": None})
    said = call("reject", "churn", "2", "--reason", "x")
    assert said.code == 1
    assert "nothing to sign" in said.err


def test_release_and_rollback_say_what_answers_now(call, server):
    server.routes["POST", "/api/v1/services/churn/releases"] = lambda *parts: (201, {"live": LIVE})
    server.routes["POST", "/api/v1/services/churn/rollback"] = lambda *parts: (201, {"live": {**LIVE, "canary": None}})
    said = call("release", "churn", "3", "--share", "0.1")
    assert "version 2 is champion (threshold 0.5), version 3 answers 10% as canary" in said.out
    said = call("rollback", "churn", "--to", "2", "--reason", "worse")
    assert "canary" not in said.out
    assert bodies(server) == [{"version": 3, "share": 0.1}, {"version": 2, "reason": "worse"}]


def test_decide_asks_the_gateway_as_an_application_would(call, server, tmp_path):
    answer = {"id": "i", "service": "churn", "decision": "selected", "score": 0.9, "threshold": 0.5, "revision": "r",
              "model_version": 2, "marks": [], "decided_at": "2026-11-24T09:00:00.000000Z"}
    server.routes["POST", "/v1/services/churn/decisions"] = lambda *parts: (200, answer)
    file = tmp_path / "x.json"
    file.write_text('{"age": 1, "plan": "basic"}')
    said = call("decide", "churn", "--input-file", str(file), "--input", "age=42", "-i", "zip=01234", "--subject", "C=7",
                "--protected", "sex=f", "--idempotency-key", "k")
    assert "selected  score 0.900, threshold 0.5, version 2" in said.out
    assert "stellwerk show i" in said.out
    assert bodies(server) == [{"inputs": {"age": 42, "plan": "basic", "zip": "01234"}, "subject": "C=7",
                               "protected": {"sex": "f"}, "idempotency_key": "k"}]
    assert call("decide", "churn", "-i", "age=1", "--json").json == answer


@pytest.mark.parametrize(("content", "words"), [("[1]", "no JSON object"), ("{", "no JSON")])
def test_a_file_that_holds_no_inputs_is_refused(call, server, tmp_path, content, words):
    (tmp_path / "x.json").write_text(content)
    said = call("decide", "churn", "--input-file", str(tmp_path / "x.json"))
    assert said.code == 1
    assert words in said.err


@pytest.mark.parametrize(("text", "expected"), [
    ("a=1", ("a", 1)), ("a=1.5", ("a", 1.5)), ("a=true", ("a", True)), ("a=null", ("a", None)), ("a=", ("a", "")),
    ("a=x=y", ("a", "x=y")), ('a="7"', ("a", "7")), ("a=NaN", ("a", "NaN")), ("a=[1]", ("a", "[1]")),
    ("a=01", ("a", "01")), ("a=basic plan", ("a", "basic plan"))])
def test_a_pair_is_a_number_or_truth_where_it_looks_like_one(text, expected):
    assert parse_pair(text, "--input") == expected


@given(st.text())
def test_any_text_is_a_pair_or_a_readable_refusal(text):
    try:
        name, value = parse_pair(text, "--input")
    except BadInput as error:
        assert error.field == "--input"
    else:
        assert name
        json.dumps(value, allow_nan=False)


def test_decisions_are_listed_by_subject_and_time_with_the_way_on(call, server):
    row = {"id": "i", "at": "2026-11-24T09:00:00.000000Z", "decision": "review", "score": 0.4, "model_version": 1,
           "subject": "7"}
    server.routes["GET", "/api/v1/services/churn/decisions"] = lambda *parts: (200, {"decisions": [row], "next": "i"})
    said = call("decisions", "churn", "--subject", "7", "--from", "2026-11-01", "--to", "2026-12-01", "--after", "h",
                "--limit", "1")
    assert "review" in said.out
    assert "--after i" in said.out
    assert server.seen[0][2] == {"subject": "7", "from": "2026-11-01", "to": "2026-12-01", "after": "h", "limit": "1"}


def test_versions_are_listed_or_the_way_to_the_first_is_said(call, server):
    row = {"number": 1, "state": "champion", "verdict": "pass", "threshold": 0.5, "estimator": "LogisticRegression",
           "created_at": "2026-11-24T09:00:00.000000Z"}
    server.routes["GET", "/api/v1/services/churn/versions"] = lambda *parts: (200, {"versions": [row]})
    assert "● champion" in call("versions", "churn").out
    server.routes["GET", "/api/v1/services/churn/versions"] = lambda *parts: (200, {"versions": []})
    assert "stellwerk ship churn" in call("versions", "churn").out


def test_only_a_decision_is_exported(call, server):
    said = call("show", "churn", "--export", "x.json")
    assert said.code == 1
    assert "Only a decision" in said.err


DECISION = "01a20cfd-5240-7000-8000-00d19d020c1e"
OPENED = {
    "decision": {"decision": "review", "score": 0.41234, "threshold": 0.5, "service": "churn", "model_version": 2,
                 "at": "2026-11-24T09:00:00.000000Z", "route": "champion", "caller": "branch", "subject": "C-7",
                 "marks": [{"field": "age", "mark": "outside_seen_range", "value": 99.0}]},
    "lineage": {"data": {"dataset": "churn.rows", "number": 3, "rows": 2380, "content_hash": "a" * 64,
                         "created_at": "2026-11-24T08:00:00.000000Z"},
                "bundle": {"digest": "b" * 64, "brought_by": "bea", "commit": {"id": "c" * 40, "dirty": False}},
                "environment": {"lock_hash": "e" * 64, "versions": {"polars": "2.1.0"}}},
    "explanation": {"base": 0.5, "contributions": [{"label": "Age", "value": 10.600000381469727, "unit": "years",
                                                    "contribution": -0.0877}]},
    "proof": {"sealed": True, "index": 6, "size": 7, "log": "decisions-0"},
    "approvals": [{"person": "vera", "role": "validator", "at": "2026-11-24T08:30:00.000000Z", "reason": "looked"}],
    "gates": [{"gate": "roc_auc", "verdict": "pass", "reason": "0.8 of 0.75"}],
}


def test_one_decision_answers_the_six_questions(call, server):
    server.routes["GET", f"/api/v1/decisions/{DECISION}"] = lambda *parts: (200, OPENED)
    said = call("show", DECISION)
    assert said.code == 0
    for words in ("▲ review  score 0.412", "churn.rows version 3", "2,380 rows", "by bea, commit cccccccccccc",
                  "polars 2.1.0", "vera (validator) 2026-11-24 08:30:00: looked", "roc_auc", "0.8 of 0.75",
                  "0.500 is the mean score", "10.6 years", "-0.088", "number 6 of 7 in decisions-0",
                  "age outside seen range: 99"):
        assert words in said.out, words


def test_a_decision_whose_model_is_gone_is_shown_all_the_same(call, server):
    server.routes["GET", f"/api/v1/decisions/{DECISION}"] = lambda *parts: (200, {**OPENED, "explanation": None})
    said = call("show", DECISION)
    assert said.code == 0
    assert "no longer stored" in said.out


def test_a_proof_is_written_where_it_was_asked_for(call, server, tmp_path):
    server.routes["GET", f"/api/v1/decisions/{DECISION}"] = lambda *parts: (200, OPENED)
    server.routes["GET", f"/api/v1/decisions/{DECISION}/proof"] = lambda *parts: (200, {"format": "ü"})
    file = tmp_path / "proof.json"
    said = call("show", DECISION, "--export", str(file))
    assert json.loads(file.read_text(encoding="utf-8")) == {"format": "ü"}
    assert f"stellwerk verify {file}" in said.out
