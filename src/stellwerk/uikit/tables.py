"""Tables whose sort, page and filter live in the address."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from stellwerk.kernel.errors import BadInput
from stellwerk.uikit.formats import number

_CELLS_THAT_START_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_CHUNK = 64 << 10


@dataclass(frozen=True)
class Column:
    """A column: ``key`` in the rows and in the address, ``unit`` beside the label."""

    key: str
    label: str
    numeric: bool = False
    sortable: bool = False
    unit: str | None = None


@dataclass(frozen=True)
class TableQuery:
    """What the address says about a table: sort column, direction, page from 1, and the other parameters."""

    sort: str
    descending: bool
    page: int
    path: str
    others: tuple[tuple[str, str], ...]
    size: int = 50

    @property
    def offset(self) -> int:
        """How many rows stand before this page."""
        return (self.page - 1) * self.size

    def url(self, **changes: str | int) -> str:
        """Return the address with other values for ``sort``, ``page`` or any parameter."""
        sort = ("-" if self.descending else "") + self.sort
        values: dict[str, str | int] = {**dict(self.others), "sort": sort, "page": self.page, **changes}
        if values["page"] == 1:
            del values["page"]
        return f"{self.path}?{urlencode(values)}"


def table_query(request: Request, columns: Sequence[Column], default: str, size: int = 50) -> TableQuery:
    """Read sort (``key`` or ``-key``), page and filters of an address; raises BadInput for unknown values."""
    known = [column.key for column in columns if column.sortable]
    text = request.query_params.get("sort", default)
    if text.removeprefix("-") not in known:
        raise BadInput(f"The table cannot be sorted by {text[:80]!r}.", field="sort", value=text[:80], allowed=known)
    page = request.query_params.get("page", "1")
    if not page.isascii() or not page.isdigit() or not 1 <= int(page[:9]) <= 100_000:
        raise BadInput("Pages count from 1.", field="page", value=page[:20], allowed="1 to 100000")
    others = tuple((key, value) for key, value in request.query_params.items() if key not in ("sort", "page"))
    return TableQuery(sort=text.removeprefix("-"), descending=text.startswith("-"), page=int(page),
                      path=request.url.path, others=others, size=size)


@dataclass(frozen=True)
class TableView:
    """A table as the macro ``ui.table`` shows it; without ``query`` neither sorted nor paged.

    ``total`` counts all rows that the filters let through.
    """

    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Any]]
    query: TableQuery | None = None
    total: int | None = None
    noun: str = "rows"

    def sorted_by(self, column: Column) -> str | None:
        """Return ``ascending`` or ``descending`` for the column that sorts the table."""
        if self.query is None or self.query.sort != column.key:
            return None
        return "descending" if self.query.descending else "ascending"

    def sort_url(self, column: Column) -> str | None:
        """Return the address that sorts by a column, or turns its direction."""
        if self.query is None or not column.sortable:
            return None
        turned = self.query.sort == column.key and not self.query.descending
        return self.query.url(sort=("-" if turned else "") + column.key, page=1)

    @property
    def summary(self) -> str:
        """Which rows of how many are shown."""
        shown = len(self.rows)
        if self.query is None or self.total is None:
            return f"{number(shown)} {self.noun}"
        if shown == self.total:
            return f"{number(self.total)} {self.noun}"
        first = self.query.offset + 1
        return f"{number(first)} to {number(first + shown - 1)} of {number(self.total)} {self.noun}"

    @property
    def previous_url(self) -> str | None:
        """The address of the page before."""
        return self.query.url(page=self.query.page - 1) if self.query and self.query.page > 1 else None

    @property
    def next_url(self) -> str | None:
        """The address of the page after."""
        if self.query is None or self.total is None or self.query.offset + len(self.rows) >= self.total:
            return None
        return self.query.url(page=self.query.page + 1)

    @property
    def csv_url(self) -> str | None:
        """The address of the whole table as CSV."""
        return self.query.url(format="csv", page=1) if self.query else None


def csv_response(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], name: str) -> Response:
    """Return rows as a CSV download; text that a spreadsheet would run as a formula is quoted."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([column.key for column in columns])
    for row in rows:
        writer.writerow([_cell(row.get(column.key)) for column in columns])
    return Response(stream.getvalue(), media_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": f'attachment; filename="{name}.csv"'})


def csv_stream(rows: Iterable[Sequence[Any]], name: str) -> Response:
    """Return rows, head first, as a CSV download that is written as they come; formulas are quoted."""

    def lines() -> Iterator[str]:
        stream = io.StringIO()
        writer = csv.writer(stream)
        for row in rows:
            writer.writerow([_cell(value) for value in row])
            if stream.tell() >= _CHUNK:
                yield stream.getvalue()
                stream.seek(0)
                stream.truncate()
        yield stream.getvalue()

    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8",
                             headers={"Content-Disposition": f'attachment; filename="{name}.csv"'})


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_CELLS_THAT_START_FORMULAS):
        return "'" + value
    return value
