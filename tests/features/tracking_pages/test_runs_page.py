"""The table of runs: columns, filter, order, pages, groups, statistics and file, all by its address."""

from __future__ import annotations

import csv
import html
import io
import re
from urllib.parse import quote

import pytest

from stellwerk.features.tracking_pages import table
from tests.pages import Sample, Visitor


def names(page: str) -> list[str]:
    return [html.unescape(name) for name in re.findall(r'<span class="run-name"><a href="/runs/\w+">([^<]+)</a>', page)]


def heads(page: str) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*><a href="[^"]+" title="([^"]+)">', page)


@pytest.fixture
def path(tracked: Sample) -> str:
    return f"/experiments/{tracked.ids['experiment']}"


def link(page: str, words: str) -> str:
    found = re.search(rf'<a href="([^"]+)"[^>]*>{words}</a>', page)
    assert found, words
    return html.unescape(found.group(1))


def test_the_usual_columns_are_what_most_runs_log_and_differ_in(ben: Visitor, path: str) -> None:
    page = ben.get(path).text
    assert heads(page) == ["start_time", "duration", "metrics.val_auc", "metrics.val_loss", "metrics.train_loss",
                           "params.C", "params.solver", "params.batch_size"]
    assert names(page)[:2] == ["longer training", "trial-23"]
    assert len(names(page)) == 27
    assert "27 runs" in page
    assert "Which solver and how much regularisation?" in page
    # Only states other than finished are said.
    assert page.count("</svg><span>failed</span>") == 1
    assert page.count("</svg><span>under way</span>") == 1


def test_columns_stand_in_the_order_of_the_address_and_move_by_links(ben: Visitor, path: str) -> None:
    page = ben.get(f"{path}?c=params.solver&c=metrics.val_loss&c=status&c=tags.mlflow.parentRunId").text
    assert heads(page) == ["params.solver", "metrics.val_loss", "status", "tags.mlflow.parentRunId"]
    assert ">sweep of solvers</a>" in page
    moved = re.search(r'<a href="([^"]+)#choose-columns" aria-label="Move val_loss to the left">', page)
    assert moved
    assert heads(ben.get(html.unescape(moved.group(1))).text)[:2] == ["metrics.val_loss", "params.solver"]


def test_columns_that_nobody_has_are_refused(ben: Visitor, path: str) -> None:
    for column in ("metrics.", "colour", "params", "metrics.a\x00b", "artifacts.x"):
        answer = ben.get(f"{path}?c={quote(column)}")
        assert answer.status_code == 400, column
        assert "There is no column" in answer.text
    assert ben.get(f"{path}?" + "&".join(f"c=params.p{number}" for number in range(41))).status_code == 400


def test_names_with_markup_are_text(ben: Visitor, path: str) -> None:
    page = ben.get(f"{path}?c=params.note&c=tags.stage").text
    assert "&lt;img src=x onerror=document.title=1&gt;" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    hostile = ben.get(f"{path}?filter={quote('<script>x</script>')}").text
    assert "<script>x" not in hostile


def test_a_filter_in_the_grammar_of_the_client(ben: Visitor, path: str) -> None:
    text = quote("metrics.val_auc > 0.86 and params.solver = 'adam' and attributes.status = 'FINISHED'")
    page = ben.get(f"{path}?filter={text}&sort=-metrics.val_auc").text
    assert 3 < len(names(page)) < 9
    assert all(int(name[6:]) % 3 == 0 for name in names(page))
    assert f"The highest val_auc of {len(names(page))} runs is " in page


@pytest.mark.parametrize(("text", "words"), [
    ("metrics.val_auc > high", "Expected numeric value type for metric. Found high"),
    ("colour = 'red'", "Invalid attribute key 'colour' specified"),
    ("params.solver", "Invalid clause(s) in filter string")])
def test_a_filter_that_is_none_is_answered_at_its_field(ben: Visitor, path: str, text: str, words: str) -> None:
    answer = ben.get(f"{path}?filter={quote(text)}")
    assert answer.status_code == 400
    fault = re.search(r'<div class="fault" id="filter-help" role="alert">(.*?)</div>', answer.text, re.DOTALL)
    assert fault, answer.text
    assert words in html.unescape(fault.group(1))
    assert 'aria-invalid="true"' in answer.text
    assert f'value="{html.escape(text)}"' in answer.text.replace("&#39;", "&#x27;")


def test_pages_lead_on_and_back(ben: Visitor, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "SIZE", 10)
    address = f"{path}?sort=-metrics.val_loss"
    first = ben.get(address).text
    second = ben.get(link(first, "Next")).text
    third = ben.get(link(second, "Next")).text
    assert [len(names(page)) for page in (first, second, third)] == [10, 10, 7]
    assert len({*names(first), *names(second), *names(third)}) == 27
    assert "11 to 20 of" in second
    assert "21 to 27 of" in third
    assert "rel=\"next\"" not in third
    assert names(ben.get(link(third, "Previous")).text) == names(second)
    back = ben.get(link(second, "Previous")).text
    assert names(back) == names(first)
    assert 'rel="prev"' not in back
    assert names(ben.get(link(third, "First")).text) == names(first)
    # A page of another order is refused, not shown as something else.
    page = re.search(r"page=([^&]+)", link(first, "Next"))
    assert page
    assert ben.get(f"{path}?sort=metrics.val_auc&page={page.group(1)}").status_code == 400
    assert ben.get(f"{path}?page=nonsense").status_code == 400


def test_every_column_orders(ben: Visitor, path: str) -> None:
    for sort, first in (("run_name", "<img src=x"), ("-duration", "sweep of solvers"), ("params.solver", "longer"),
                        ("-tags.stage", "trial-23"), ("start_time", "<img"), ("metrics.val_loss", "trial-12"),
                        ("status", "trial-13")):
        page = ben.get(f"{path}?sort={sort}").text
        assert names(page)[0].startswith(first), sort
        assert f'aria-sort="{"descending" if sort.startswith("-") else "ascending"}"' in page, sort


def test_groups_count_and_lead_to_their_runs(ben: Visitor, path: str) -> None:
    page = ben.get(f"{path}?group=params.solver&sort=-metrics.val_auc").text
    groups = re.findall(r'<tr><th scope="row"><a href="([^"]+)">([^<]+)</a></th>\s*<td class="number">(\d+)</td>', page)
    assert [(name, count) for _, name, count in groups] == [
        ("adam", "9"), ("sgd", "8"), ("lbfgs", "8"), ("without", "2")]
    inside = ben.get(html.unescape(groups[1][0])).text
    assert len(names(inside)) == 8
    assert "Only runs with <strong>solver</strong>" in inside
    lacking = ben.get(html.unescape(groups[3][0])).text
    assert names(lacking) == ["<img src=x onerror=document.title=1>", "sweep of solvers"] or len(names(lacking)) == 2
    assert "Only runs without <strong>solver</strong>" in lacking


def test_groups_that_cannot_be(ben: Visitor, path: str) -> None:
    for odd in ("of=params.C&value=a%00b", "of=status", "of=metrics.val_auc&value=1", "group=start_time"):
        assert ben.get(f"{path}?{odd}").status_code == 400, odd


def test_groups_of_nested_runs_bear_the_name_of_their_parent(ben: Visitor, path: str) -> None:
    page = ben.get(f"{path}?group=tags.mlflow.parentRunId").text
    assert ">sweep of solvers</a>" in page
    assert ben.get(f"{path}?group=metrics.val_auc").status_code == 400
    # An order that groups do not know gives way.
    assert ben.get(f"{path}?group=status&sort=params.C").status_code == 200


def test_statistics_speak_of_all_runs_of_the_view(ben: Visitor, path: str) -> None:
    page = ben.get(f"{path}/statistics?c=metrics.val_auc&c=params.C&c=params.solver&c=status").text
    assert page.startswith("<td></td><th")
    assert "n 25, from 0.62 to " in page
    assert "n 25, from 0.01 to 10, median 0.1" in page
    assert "n 25, most often adam" in page
    assert page.count("<td") == 5
    few = ben.get(f"{path}/statistics?c=metrics.val_auc&filter={quote('metrics.val_auc < 0.7')}").text
    assert "n 1, from 0.62 to 0.62" in few


def test_keys_for_completion(ben: Visitor, path: str) -> None:
    found = {entry["name"]: entry["runs"] for entry in ben.get(f"{path}/keys").json()["keys"]}
    assert found["metrics.val_loss"] == 25
    assert found["params.note"] == 1
    assert found["tags.mlflow.parentRunId"] == 24
    assert "status" in found
    assert "duration" not in found


def test_the_whole_view_leaves_as_csv(ben: Visitor, path: str) -> None:
    answer = ben.get(f"{path}?format=csv&c=params.C&c=metrics.val_auc&c=params.note&sort=start_time&group=params.solver")
    assert answer.headers["content-disposition"].startswith("attachment")
    head, *rows = list(csv.reader(io.StringIO(answer.text)))
    assert head == ["run_id", "run_name", "params.C", "metrics.val_auc", "params.note"]
    assert len(rows) == 27
    nasty = next(row for row in rows if row[1].startswith("<img"))
    assert nasty[3:] == ["0.62", "<script>alert(1)</script>"]
    assert ben.get(f"{path}?format=csv&filter=bogus").status_code == 400


def test_deleted_runs_stand_apart(ben: Visitor, tracked: Sample, path: str) -> None:
    run = tracked.ids["trial 3"]
    ben.get(f"/runs/{run}")
    assert ben.post(f"/runs/{run}/delete").status_code == 303
    assert "trial-03" not in names(ben.get(path).text)
    assert names(ben.get(f"{path}?stage=deleted").text) == ["trial-03"]
    assert len(names(ben.get(f"{path}?stage=all").text)) == 27
    assert ben.get(f"{path}?stage=gone").status_code == 400


def test_experiments_that_are_none(ben: Visitor) -> None:
    assert ben.get("/experiments/12345").status_code == 404
    assert ben.get("/experiments/x").status_code == 400
    assert ben.get("/experiments/99999999999999").status_code == 404
