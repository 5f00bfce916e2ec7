"""The list of experiments: what stands in it, for whom, and in which order."""

from __future__ import annotations

import re

import pytest

from stellwerk.features.identity import add_person, grant
from stellwerk.kernel.actor import SYSTEM
from tests.pages import Sample, Visit, Visitor, visit_of


def names(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/experiments/\d+">([^<]+)</a>', page)


def test_those_with_the_newest_runs_stand_first(ben: Visitor) -> None:
    page = ben.get("/experiments").text
    assert names(page) == ["mortgage sweep", "churn baseline", "claims triage", "card fraud features", "Default",
                           "first look at lapses"]
    assert "<strong><time" in page
    assert "no run yet" in page
    assert '<td class="number">27</td>' in page


@pytest.mark.parametrize(("address", "expected"), [
    ("?sort=name", ["card fraud features", "churn baseline", "claims triage", "Default", "first look at lapses",
                    "mortgage sweep"]),
    ("?sort=-runs&q=a", ["mortgage sweep", "card fraud features", "churn baseline", "claims triage", "Default",
                         "first look at lapses"]),
    ("?q=CLAIMS", ["claims triage"]), ("?stage=deleted", []), ("?page=9", [])])
def test_search_order_and_page_by_address(ben: Visitor, address: str, expected: list[str]) -> None:
    answer = ben.get(f"/experiments{address}")
    assert answer.status_code == 200
    assert names(answer.text) == expected


def test_unknown_orders_and_stages_are_refused(ben: Visitor) -> None:
    assert ben.get("/experiments?sort=colour").status_code == 400
    assert ben.get("/experiments?stage=gone").status_code == 400


def test_the_list_leaves_as_csv(ben: Visitor) -> None:
    lines = ben.get("/experiments?sort=name&format=csv").text.splitlines()
    assert lines[0] == "id,name,team,runs,last_run,created"
    assert lines[6].split(",")[1:4] == ["mortgage sweep", "lending", "27"]


def test_a_person_of_another_team_sees_what_is_shared(tracked: Sample, visit: Visit) -> None:
    with tracked.home.installation.database.write(SYSTEM) as work:
        add_person(work, "mia")
        grant(work, "mia", "viewer", "claims")
    mia = visit("mia")
    # Only the shared one is theirs to see, and it has no run.
    assert "No run yet" in mia.get("/experiments").text
    assert names(mia.get("/experiments?q=e").text) == ["Default"]
    foreign = mia.get(f"/experiments/{tracked.ids['experiment']}")
    assert foreign.status_code == 404
    assert "mortgage" not in foreign.text


def test_nobody_signed_in_is_led_to_the_door(ben: Visitor) -> None:
    ben.client.cookies.clear()
    answer = ben.get("/experiments")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/experiments")


def test_an_empty_home_names_the_two_lines(empty: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    ben = visit_of(empty, monkeypatch)("ben")
    for address in ("/experiments", "/experiments/0"):
        page = ben.get(address).text
        assert "export MLFLOW_TRACKING_URI=http://localhost" in page
        assert "export MLFLOW_TRACKING_TOKEN=" in page
