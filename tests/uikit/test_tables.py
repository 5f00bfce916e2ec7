import csv
import io
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from starlette.requests import Request

from stellwerk.kernel.errors import BadInput
from stellwerk.uikit.tables import Column, TableView, csv_response, csv_stream, table_query

COLUMNS = (Column("name", "Name", sortable=True), Column("n", "n", numeric=True, sortable=True), Column("note", "Note"))


def request(query: str = "") -> Request:
    return Request({"type": "http", "method": "GET", "path": "/t", "query_string": query.encode(), "headers": [],
                    "server": ("localhost", 80), "scheme": "http"})


def parameters(url: str | None) -> dict[str, list[str]]:
    assert url is not None
    return parse_qs(urlsplit(url).query)


def test_the_address_says_sort_page_and_filter() -> None:
    query = table_query(request("sort=-n&page=3&team=a%26b"), COLUMNS, "name")
    assert (query.sort, query.descending, query.page, query.offset) == ("n", True, 3, 100)
    assert parameters(query.url(page=4)) == {"sort": ["-n"], "page": ["4"], "team": ["a&b"]}


@pytest.mark.parametrize("query", ["sort=note", "sort=1%3BDROP", "sort=--n", "page=0", "page=-1", "page=x",
                                   "page=%C2%B2",
                                   "page=99999999999999999999"])
def test_other_values_are_refused(query: str) -> None:
    with pytest.raises(BadInput):
        table_query(request(query), COLUMNS, "name")


def test_heads_sort_and_turn() -> None:
    view = TableView(COLUMNS, [], table_query(request("sort=name&page=2"), COLUMNS, "name"))
    name, n, note = COLUMNS
    assert view.sorted_by(name) == "ascending"
    assert view.sorted_by(n) is None
    assert parameters(view.sort_url(name)) == {"sort": ["-name"]}
    assert parameters(view.sort_url(n)) == {"sort": ["n"]}
    assert view.sort_url(note) is None


@pytest.mark.parametrize(("page", "shown", "summary", "before", "after"), [
    (1, 50, "1 to 50 of 120 rows", False, True), (3, 20, "101 to 120 of 120 rows", True, False)])
def test_paging(page: int, shown: int, summary: str, before: bool, after: bool) -> None:
    query = table_query(request(f"page={page}"), COLUMNS, "name")
    view = TableView(COLUMNS, [{}] * shown, query, total=120)
    assert view.summary == summary
    assert (view.previous_url is not None, view.next_url is not None) == (before, after)


def test_csv_runs_no_formula() -> None:
    rows = [{"name": "=cmd()", "n": -3, "note": 'a "b", c'}, {"name": "@x", "n": 1.5}]
    answer = csv_response(COLUMNS, rows, "list")
    assert list(csv.reader(io.StringIO(bytes(answer.body).decode()))) == [
        ["name", "n", "note"], ["'=cmd()", "-3", 'a "b", c'], ["'@x", "1.5", ""]]
    assert answer.headers["content-disposition"] == 'attachment; filename="list.csv"'


def test_a_long_table_is_written_as_it_comes_and_formulas_are_quoted() -> None:
    read: list[int] = []

    def rows() -> Iterator[list[object]]:
        yield ["name", "n"]
        for number in range(20_000):
            read.append(number)
            yield ["=HYPERLINK(1)" if number == 1 else "plain, text", number]

    answer = csv_stream(rows(), "all")
    assert answer.headers["content-disposition"] == 'attachment; filename="all.csv"'

    async def first_and_rest() -> list[str]:
        pieces = []
        async for piece in answer.body_iterator:
            pieces.append(piece)
            if len(pieces) == 1:
                assert len(read) < 10_000
        return pieces

    found = list(csv.reader(io.StringIO("".join(anyio.run(first_and_rest)))))
    assert (len(found), found[0], found[2]) == (20_001, ["name", "n"], ["'=HYPERLINK(1)", "1"])
