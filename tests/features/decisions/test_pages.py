"""Decisions as pages: the list, one decision with its six answers, and the proof as a file."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from stellwerk.features.decisions import words
from stellwerk.features.identity import add_person, grant
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.hashing import sha256_hex
from tests.pages import Sample, Visit

LIST = "/services/overdraft-limits/decisions"


def test_list_shows_newest_first_and_filters_by_subject(visit: Visit) -> None:
    vera = visit("vera")
    page = vera.get(LIST).text
    assert page.count('href="/decisions/') == 14
    assert page.index(">A-2054<") < page.index(">A-2041<")
    about = vera.get(LIST + "?subject=A-2042").text
    assert about.count('href="/decisions/') == 1
    assert "Decisions about A-2042" in about
    assert "No decision fits." in vera.get(LIST + "?subject=nobody").text
    assert "No decision fits." in vera.get(LIST + "?to=2020-01-01").text


def test_list_pages_by_the_last_id(visit: Visit, sample: Sample) -> None:
    sample.home.decide("overdraft-limits", *({"subject": f"B-{number:03d}"} for number in range(60)), back=timedelta())
    vera = visit("vera")
    first = vera.get(LIST).text
    assert first.count('href="/decisions/') == 50
    older = LIST + "?after=" + first.partition('<a href="?after=')[2].partition('"')[0]
    second = vera.get(older).text
    assert second.count('href="/decisions/') == 24
    assert "Newest" in second
    assert "rel=\"next\"" not in second


@pytest.mark.parametrize("query", ["?from=yesterday", "?to=9999-12-31", "?after=xyz"])
def test_addresses_that_say_nothing_are_refused(visit: Visit, query: str) -> None:
    assert visit("vera").get(LIST + query).status_code == 400


def test_a_service_without_decisions_names_the_command(visit: Visit) -> None:
    assert "stellwerk decide card-fraud" in visit("vera").get("/services/card-fraud/decisions").text


def test_one_decision_answers_the_six_questions(visit: Visit, sample: Sample) -> None:
    page = visit("vera").get(f"/decisions/{sample.ids['review']}").text
    for said in ("A-2042 was <strong>handed to a person</strong>: the score of", "overdraft-limits.applications, version 1",
                 "commit ", "scikit-learn 1.9.1", "Vera Lind", "as validator", "the ratio by race holds",
                 "Selection rate ratio by race", "at least 0.80", "Payment ratio lowers the score most",
                 "All monthly debt payments against monthly income", "share of income", "outside what training saw",
                 "Kept apart and never an input of the model: race black.", "This record is sealed",
                 f"stellwerk verify {sample.ids['review']}.json"):
        assert said in page, said


def test_the_chart_has_its_numbers_as_a_table(visit: Visit, sample: Sample) -> None:
    page = visit("vera").get(f"/decisions/{sample.ids['review']}").text
    table = page.partition('<details class="chart-table"')[2].partition("</table>")[0]
    assert "Usual score" in table
    assert "payment ratio = 0.82" in table
    assert "This score" in table


def test_the_proof_is_a_file(visit: Visit, sample: Sample) -> None:
    answer = visit("vera").get(f"/decisions/{sample.ids['selected']}/proof")
    assert answer.headers["content-disposition"] == f'attachment; filename="{sample.ids["selected"]}.json"'
    pack = json.loads(answer.text)
    assert pack["format"].startswith("stellwerk-proof/")
    assert sample.ids["selected"] in pack["decision"]["leaf"]


def test_decisions_of_other_teams_and_for_viewers(visit: Visit, sample: Sample) -> None:
    with sample.home.installation.database.write(SYSTEM) as work:
        add_person(work, "mia")
        grant(work, "mia", "validator", "claims")
        add_person(work, "tom")
        grant(work, "tom", "viewer", "lending")
    address = f"/decisions/{sample.ids['review']}"
    assert visit("mia").get(address).status_code == 404
    assert visit("mia").get(LIST).status_code == 404
    assert visit("tom").get(address).status_code == 403
    assert visit("tom").get(LIST).status_code == 403
    assert visit("vera").get("/decisions/nonsense").status_code == 400


def test_a_decision_is_shown_also_without_its_model(visit: Visit, sample: Sample) -> None:
    sample.home.installation.objects.path(sha256_hex(sample.home.model.onnx)).unlink()
    page = visit("vera").get(f"/decisions/{sample.ids['review']}")
    assert page.status_code == 200
    assert "There is no explanation of this decision" in page.text
    assert "All monthly debt payments against monthly income" in page.text


NASTY = "</script><script>alert(1)</script>"


def test_subjects_and_inputs_are_text(visit: Visit, sample: Sample) -> None:
    ids = sample.home.decide("overdraft-limits", {"subject": NASTY, "self_employed": NASTY, "race": NASTY})
    vera = visit("vera")
    for address in (LIST, f"/decisions/{ids[0]}"):
        page = vera.get(address).text
        assert "<script>alert" not in page
        assert "alert(1)" in page


@pytest.mark.parametrize(("value", "shown"), [
    (None, "not known"), (True, "yes"), (False, "no"), (3.0, "3"), (0.33, "0.33"), (1234567, "1,234,567"),
    (-0.5, "\u22120.5"), ("yes", "yes")])
def test_values_in_words(value: object, shown: str) -> None:
    assert words.value_words(value) == shown


def test_few_inputs_are_named_and_the_rest_is_one_bar() -> None:
    contributions = [{"field": f"input_{number}", "label": "", "value": number, "unit": None,
                      "contribution": 0.01 * (number + 1)} for number in range(12)]
    detail = {"explanation": {"base": 0.2, "score": 0.2 + 0.78, "contributions": contributions},
              "decision": {"threshold": 0.5}}
    chart = words.why_chart(detail)
    assert chart is not None
    assert [row[0] for row in chart.rows][1] == "input 11 = 11"
    assert [row for row in chart.rows if row[0] == "4 other inputs"] == [["4 other inputs", "+10.0\u202f%"]]
    assert chart.title == "Input 11 lifts the score most, then input 10: usually 20\u202f%, here 98\u202f%"
