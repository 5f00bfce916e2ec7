"""The page of a version: its verdict, evidence, forms and refusals, over HTTP on a home with sample content."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.features.approvals import approvals_of
from stellwerk.features.releases import repository
from tests.pages import Sample, Visit

PAGE = "/services/mortgage-decisions/versions/2"


def revision(sample: Sample, name: str = "mortgage-decisions", number: int = 2) -> Any:
    with sample.home.installation.database.read() as connection:
        return repository.of_version(connection, name, number)[0]


def answers(sample: Sample) -> list[tuple[str, str, str]]:
    with sample.home.installation.database.read() as connection:
        rows = approvals_of(connection, "revision", [revision(sample)["id"]])
    return [(row["person_name"], row["verdict"], row["reason"]) for row in rows]


def test_the_verdict_comes_first_in_plain_words(visit: Visit) -> None:
    vera = visit("vera")
    assert "<strong>passes all 2 gates</strong> and waits for approval by validator." in vera.get(PAGE).text
    failing = vera.get("/services/mortgage-decisions/versions/1").text
    assert "<strong>cannot be released</strong>: the selection rate of the group “black” is 0.72 times that of " \
           "“other”; the gate asks for at least 0.80." in failing


def test_evidence_is_there_with_values_intervals_limits_and_n(visit: Visit) -> None:
    page = visit("vera").get(PAGE).text
    for words in ("Selected by race: ", "ratio 0.87, gate 0.80", "0.82 to 0.91", "at least 0.75", "2,041", "not applicable",
                  "Handed to a person", "95 % interval 0.82 to 0.91, limit 0.8", "Version 1: ", "Up to a threshold of",
                  "was scored by a model that had not seen its subject",
                  "The compiled model decides like the trained one", "holds with warnings", "commit", "lock", "seed 7",
                  "as product owner", "The share decided at once fits our capacity", "row 621"):
        assert words in page, words


def test_a_validator_approves_with_a_reason(visit: Visit, sample: Sample) -> None:
    vera = visit("vera")
    assert "Approve version 2" in vera.get(PAGE).text
    given = vera.post(PAGE + "/answer", verdict="approve", digest=revision(sample)["content_digest"], reason="Looked at groups.")
    assert (given.status_code, given.headers["location"]) == (303, PAGE)
    assert revision(sample)["state"] == "approved"
    assert answers(sample)[-1] == ("Vera Lind", "approve", "Looked at groups.")
    assert "is approved and waits for its release" in vera.get(PAGE).text


def test_a_validator_rejects_with_a_reason(visit: Visit, sample: Sample) -> None:
    vera = visit("vera")
    vera.get(PAGE)
    vera.post(PAGE + "/answer", verdict="reject", digest=revision(sample)["content_digest"], reason="Price too high.")
    assert revision(sample)["state"] == "rejected"
    assert "was rejected</strong> by Vera Lind." in vera.get(PAGE).text


@pytest.mark.parametrize(("person", "words"), [
    ("ben", "Ben Adler built this version, and four eyes must see it."),
    ("olga", "Olga Brandt holds none of the roles whose answer is missing."),
    ("paula", "Paula Roth has approved this already.")])
def test_whoever_may_not_approve_reads_why(visit: Visit, sample: Sample, person: str, words: str) -> None:
    visitor = visit(person)
    page = visitor.get(PAGE).text
    assert words in page
    assert 'value="approve"' not in page
    refused = visitor.post(PAGE + "/answer", verdict="approve", digest=revision(sample)["content_digest"], reason="Mine.")
    assert refused.status_code in (403, 409)
    assert words in refused.text
    assert len(answers(sample)) == 1


def test_a_refusal_keeps_the_words_that_were_written(visit: Visit, sample: Sample) -> None:
    vera = visit("vera")
    vera.get(PAGE)
    refused = vera.post(PAGE + "/answer", verdict="approve", digest="0" * 64, reason="A long and careful reason.")
    assert refused.status_code == 409
    assert "This has changed since you looked at it; nothing was signed." in refused.text
    assert "A long and careful reason.</textarea>" in refused.text
    assert revision(sample)["state"] == "candidate"


def test_no_reason_no_answer(visit: Visit, sample: Sample) -> None:
    vera = visit("vera")
    vera.get(PAGE)
    refused = vera.post(PAGE + "/answer", verdict="approve", digest=revision(sample)["content_digest"])
    assert refused.status_code == 400
    assert "A reason is missing." in refused.text


def test_a_form_without_the_session_s_token_changes_nothing(visit: Visit, sample: Sample) -> None:
    vera = visit("vera")
    vera.csrf = "guessed"
    refused = vera.post(PAGE + "/answer", verdict="approve", digest=revision(sample)["content_digest"], reason="Forged.")
    assert refused.status_code == 403
    assert revision(sample)["state"] == "candidate"


def test_an_undecided_gate_is_accepted_with_date_and_reason_or_not_at_all(visit: Visit, sample: Sample) -> None:
    number = sample.home.ship("loan-pricing", "Loan pricing class", threshold=0.65, reweigh=False)
    page = f"/services/loan-pricing/versions/{number}"
    vera = visit("vera")
    shown = vera.get(page).text
    assert "<strong>is undecided</strong>" in shown
    assert "it may lie between" in shown
    assert 'name="accept" value="selection_rate_ratio:race"' in shown
    assert 'name="accept"' not in visit("ben").get(page).text
    digest = revision(sample, "loan-pricing", number)["content_digest"]
    fields = {"verdict": "approve", "digest": digest, "reason": "Few people; watched monthly."}
    undated = vera.post(page + "/answer", accept="selection_rate_ratio:race", **fields)
    assert undated.status_code == 400
    assert "needs the date until which it holds" in undated.text
    # Nothing of a refused answer stays, also not the acceptance that was written before the refusal.
    assert 'value="selection_rate_ratio:race" checked' in undated.text
    assert vera.post(page + "/answer", accept="selection_rate_ratio:race", until="2099-01-31", **fields).status_code == 303
    assert "by Vera Lind until 2099-01-31" in vera.get(page).text


def test_an_operator_releases_and_goes_back(visit: Visit, sample: Sample) -> None:
    page = "/services/card-fraud/versions/2"
    olga = visit("olga")
    assert "Make version 2 champion" in olga.get(page).text
    assert olga.post(page + "/release").status_code == 303
    assert revision(sample, "card-fraud")["state"] == "champion"
    former = "/services/card-fraud/versions/1"
    assert "Bring back version 1" in olga.get(former).text
    assert olga.post(former + "/rollback", to="this", reason="Too many alerts.").status_code == 303
    assert revision(sample, "card-fraud", 1)["state"] == "champion"


def test_a_canary_can_be_ended(visit: Visit, sample: Sample) -> None:
    page = "/services/card-fraud/versions/2"
    olga = visit("olga")
    assert "<strong>answers 10\u202f% of the requests</strong>" in olga.get(page).text
    olga.post(page + "/rollback", reason="Alerts doubled.")
    assert revision(sample, "card-fraud")["state"] == "retired"


def test_release_of_what_waits_is_refused_in_words(visit: Visit) -> None:
    olga = visit("olga")
    olga.get(PAGE)
    assert 'action="/services/mortgage-decisions/versions/2/release"' not in olga.get(PAGE).text
    refused = olga.post(PAGE + "/release")
    assert refused.status_code == 409
    assert "The approval of validator is missing" in refused.text
    bad = olga.post(PAGE + "/release", share="ten")
    assert (bad.status_code, "The share is not a number." in bad.text) == (400, True)


def test_a_validator_may_not_release(visit: Visit) -> None:
    vera = visit("vera")
    vera.get(PAGE)
    assert vera.post(PAGE + "/release").status_code == 403


def test_versions_that_are_not_there(visit: Visit) -> None:
    vera = visit("vera")
    assert vera.get("/services/mortgage-decisions/versions/9").status_code == 404
    assert vera.get("/services/nothing/versions/1").status_code == 404
    assert vera.get("/services/mortgage-decisions/versions/0").status_code == 422


NASTY = "</textarea><script>alert(1)</script>"


def test_reasons_are_text(visit: Visit, sample: Sample) -> None:
    vera = visit("vera")
    vera.get(PAGE)
    refused = vera.post(PAGE + "/answer", verdict="approve", digest="0" * 64, reason=NASTY)
    assert "<script>alert" not in refused.text
    vera.post(PAGE + "/answer", verdict="approve", digest=revision(sample)["content_digest"], reason=NASTY)
    page = vera.get(PAGE).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
