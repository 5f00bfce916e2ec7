"""The signal board and the page of a service, over HTTP on a home with sample content."""

from __future__ import annotations

import anyio
import pytest

from stellwerk.features.board.pages import _lines, _mark
from stellwerk.features.board.service import Board, Wish, board
from stellwerk.features.identity import actor_named, add_person, grant
from stellwerk.kernel import clock
from stellwerk.kernel.actor import SYSTEM
from stellwerk.kernel.errors import BadInput
from tests.pages import Sample, Visit, visit_of
from tools.sample_home import crowd


def drawn(sample: Sample, person: str, **wish: str) -> Board:
    with sample.home.installation.database.read() as connection:
        return board(connection, actor_named(connection, person), Wish(**wish), clock.to_us(clock.now()))


def test_lines_that_need_the_reader_stand_first(sample: Sample) -> None:
    first = drawn(sample, "vera").lines[0]
    assert (first.name, first.action, first.sentence) == (
        "mortgage-decisions", "approve", "Version 2 waits for your approval.")
    assert (first.marker, first.marker_word) == (3, "v2")
    assert [line.name for line in drawn(sample, "vera").waiting] == ["mortgage-decisions"]


@pytest.mark.parametrize(("person", "waiting"), [
    ("ben", ["card-fraud"]), ("olga", ["card-fraud"]), ("paula", [])])
def test_who_needs_what(sample: Sample, person: str, waiting: list[str]) -> None:
    # Paula has approved already; a builder and an operator may make the canary champion.
    assert [line.name for line in drawn(sample, person).waiting] == waiting


def test_order_team_and_text_by_address(sample: Sample) -> None:
    titles = [line.title for line in drawn(sample, "vera", sort="name").lines]
    assert titles == sorted(titles, key=str.lower)
    assert [line.name for line in drawn(sample, "vera", text="FRAUD").lines] == ["card-fraud"]
    assert drawn(sample, "vera", team="claims").lines == ()
    with pytest.raises(BadInput, match="sort"):
        Wish(sort="colour")


def test_teams_of_others_are_not_on_the_board(sample: Sample) -> None:
    with sample.home.installation.database.write(SYSTEM) as work:
        add_person(work, "mia")
        grant(work, "mia", "viewer", "claims")
    assert drawn(sample, "mia").total == 0


def test_the_page_is_a_table_with_words_beside_the_lamps(visit: Visit) -> None:
    page = visit("vera").get("/")
    assert page.status_code == 200
    for words in ("<table", 'scope="row"', "not measured", "1 of 2 fails", "revision 1, canary 10 %",
                  'href="/services/mortgage-decisions/versions/2#answer"', "1 service waits"):
        assert words in page.text
    assert 'class="station clear at-outcome' not in page.text
    assert page.text.index("Mortgage pre-decision") < page.text.index("Early repayment")


def test_an_empty_home_names_the_two_commands(empty: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    page = visit_of(empty, monkeypatch)("ben").get("/")
    assert "stellwerk new churn --data FILE.csv --target COLUMN" in page.text
    assert "stellwerk ship churn" in page.text


def test_two_hundred_services_fit_one_row_each(empty: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd(empty.home, 200)
    page = visit_of(empty, monkeypatch)("vera").get("/?sort=name")
    assert 'class="board compact"' in page.text
    assert page.text.count('<tr class="line') == 200
    assert len(page.content) < 600_000


def test_unknown_order_is_refused_in_words(visit: Visit) -> None:
    page = visit("vera").get("/?sort=colour")
    assert page.status_code == 400
    assert "The board knows no sort" in page.text


def test_the_stream_sends_the_lines_only_when_they_change(sample: Sample) -> None:
    installation = sample.home.installation
    with installation.database.read() as connection:
        vera = actor_named(connection, "vera")

    async def follow() -> list[bytes]:
        stream = _lines(installation, vera, Wish(), "")
        first = await anext(stream)
        seen = _mark(first.decode().removeprefix("event: fragment\n").replace("data: ", "").removesuffix("\n\n") + "\n")
        quiet = await anext(_lines(installation, vera, Wish(), seen))
        sample.home.approve("mortgage-decisions", 2, "vera")
        second = await anext(stream)
        await stream.aclose()
        return [first, quiet, second]

    first, quiet, second = anyio.run(follow)
    assert first.startswith(b"event: fragment\ndata: ")
    assert "Version 2 waits for your approval." in first.decode()
    assert quiet == b": alive\n\n"
    assert "Version 2 is approved and waits for its release." in second.decode()


def test_service_page_shows_live_versions_and_jobs(visit: Visit, sample: Sample) -> None:
    vera = visit("vera")
    page = vera.get("/services/card-fraud")
    for words in ("Revision 1, version 1", "Version 2, 10", "/services/card-fraud/versions/2", "Last jobs",
                  'href="/services/card-fraud/decisions"'):
        assert words in page.text
    assert "Stop this job" not in vera.get(f"/jobs/{sample.ids['running']}").text


def test_versions_sort_by_address_and_leave_as_csv(visit: Visit) -> None:
    vera = visit("vera")
    ascending = vera.get("/services/mortgage-decisions?sort=number").text
    assert ascending.index(">Version 1</a>") < ascending.index(">Version 2</a>")
    rows = vera.get("/services/mortgage-decisions?format=csv").text.splitlines()
    assert rows[0].startswith("number,state,verdict,threshold")
    assert rows[1].startswith("2,candidate,pass,0.65")


def test_a_service_of_another_team_is_not_there(visit: Visit, sample: Sample) -> None:
    with sample.home.installation.database.write(SYSTEM) as work:
        add_person(work, "mia")
        grant(work, "mia", "viewer", "claims")
    assert visit("mia").get("/services/card-fraud").status_code == 404


def test_a_failed_job_says_what_to_do(visit: Visit, sample: Sample) -> None:
    page = visit("ben").get(f"/jobs/{sample.ids['failed']}").text
    assert "Input X contains NaN." in page
    assert "Impute missing values in the pipeline" in page


def test_a_builder_can_stop_a_running_job(visit: Visit, sample: Sample) -> None:
    ben = visit("ben")
    address = f"/jobs/{sample.ids['running']}"
    assert "Stop this job" in ben.get(address).text
    assert ben.post(address + "/cancel").status_code == 303
    assert sample.home.job(sample.ids["running"])["cancel_requested"]
    assert visit("vera").post(address + "/cancel").status_code == 403


NASTY = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def test_names_of_services_are_text(empty: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    empty.home.ship("nasty", f"'{NASTY.replace(chr(39), chr(39) * 2)}'")
    vera = visit_of(empty, monkeypatch)("vera")
    for address in ("/", "/services/nasty", "/services/nasty/versions/1"):
        page = vera.get(address).text
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "&lt;img src=x onerror" in page
