"""What the address of a table of runs says: filter, columns, order, groups and place. The address is the view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from stellwerk.features import runs
from stellwerk.features.tracking_pages.columns import RunColumn, parse_column, parse_columns
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow import limits, paging
from stellwerk.protocols.mlflow.search import Comparison, parse_run_filter

STAGES = ("active", "deleted", "all")
GROUP_ORDERS = ("value", "runs", "newest")
USUAL = "-start_time"
_LONGEST = 20_000


class Within(NamedTuple):
    """Runs of one group only: those with this value, or without one where it is None."""

    column: RunColumn
    value: str | None


@dataclass(frozen=True)
class View:
    """One view of the runs of an experiment; without ``columns`` the usual ones are shown.

    ``page`` is the token that the page begins behind, or ends before where ``back`` is set; ``at`` counts the rows
    before the page, for its words only.
    """

    experiment_id: int
    filter: str = ""
    stage: str = "active"
    columns: tuple[RunColumn, ...] = ()
    sort: str = ""
    group: RunColumn | None = None
    within: Within | None = None
    page: str = ""
    back: bool = False
    at: int = 0

    @property
    def path(self) -> str:
        """The address without the view."""
        return f"/experiments/{self.experiment_id}"

    @property
    def stages(self) -> tuple[str, ...]:
        """The lifecycle stages that are shown."""
        return ("active", "deleted") if self.stage == "all" else (self.stage,)

    @property
    def descending(self) -> bool:
        """Whether the order goes downwards."""
        return self.order_text.startswith("-")

    @property
    def order_text(self) -> str:
        """The order as the address writes it, or the usual one."""
        return self.sort or ("-runs" if self.group else USUAL)

    @property
    def order_name(self) -> str:
        """What orders: the name of a column or, in groups, one of ``GROUP_ORDERS``."""
        return self.order_text.removeprefix("-")

    @property
    def order_column(self) -> RunColumn | None:
        """The column that orders, or None where groups are ordered by themselves."""
        if self.group is not None and self.order_name in GROUP_ORDERS:
            return None
        return parse_column(self.order_name, "sort")

    def scope(self) -> runs.overview.Scope:
        """Return which runs the view is about; raises BadInput for a filter that is none."""
        asked = list(parse_run_filter(self.filter))
        if self.within is not None:
            asked.append(_comparison(self.within))
        return runs.overview.Scope([self.experiment_id], self.stages, asked)

    def mark(self) -> str:
        """Return the mark that binds the tokens of pages to this view."""
        within = None if self.within is None else [self.within.column.name, self.within.value]
        return paging.query_mark("runs page", self.experiment_id, self.filter, self.stage, self.order_text, within)

    def pairs(self, **changes: Any) -> list[tuple[str, str]]:
        """Return the parameters of the address with changes; other than a turn of the page they lead to the first."""
        turned = {"page": "", "back": False, "at": 0, **changes}
        view = replace(self, **turned)
        found = [("filter", view.filter)] if view.filter else []
        found += [("stage", view.stage)] if view.stage != "active" else []
        found += [("c", column.name) for column in view.columns]
        found += [("sort", view.sort)] if view.sort else []
        found += [("group", view.group.name)] if view.group else []
        if view.within is not None:
            found += [("of", view.within.column.name)]
            found += [] if view.within.value is None else [("value", view.within.value)]
        if view.page:
            found += [("page", view.page), ("at", str(view.at))] + ([("back", "1")] if view.back else [])
        return found

    def url(self, **changes: Any) -> str:
        """Return the address of this view with changes."""
        return self.sub_url("", **changes)

    def within_url(self, value: str | None) -> str:
        """Return the address of the runs of one group."""
        assert self.group is not None
        ordering = self.order_column
        return self.url(group=None, within=Within(self.group, value), sort=self.sort if ordering else "")

    def moved(self, columns: Sequence[RunColumn], place: int, by: int) -> str:
        """Return the address with one of the columns moved to the left (-1) or right (1)."""
        order = list(columns)
        order.insert(place + by, order.pop(place))
        return self.url(columns=tuple(order))

    def sub_url(self, part: str, **changes: Any) -> str:
        """Return the address of something beside this view, such as its statistics."""
        pairs = self.pairs(**changes)
        return f"{self.path}{part}{'?' + urlencode(pairs) if pairs else ''}"


def _comparison(within: Within) -> Comparison:
    column, value = within
    return Comparison(column.kind, column.key, "IS NULL" if value is None else "=", value)


def _count(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise BadInput("Rows count from 0.", field=field, value=text[:20])
    return int(text)


def _group(name: str | None, field: str) -> RunColumn | None:
    if not name:
        return None
    column = parse_column(name, field)
    if column.kind == "metric" or column.name in ("start_time", "end_time", "duration", "run_id"):
        raise BadInput("Runs are grouped by what several of them share.", field=field, value=name[:80],
                       allowed="params.NAME, tags.NAME, status or user_id")
    return column


def read_view(experiment_id: int, parameters: QueryParams) -> View:
    """Return the view that an address asks for; raises BadInput for unknown columns, orders, groups and stages."""
    text = parameters.get("filter", "").strip()
    stage = parameters.get("stage", "active")
    if stage not in STAGES:
        raise BadInput("Runs are active or deleted.", field="stage", value=stage[:20], allowed=list(STAGES))
    if len(text) > _LONGEST:
        raise BadInput("The filter is too long.", field="filter", allowed=f"{_LONGEST} characters")
    group = _group(parameters.get("group"), "group")
    of = _group(parameters.get("of"), "of")
    within = None if of is None else Within(of, parameters.get("value"))
    limits.check_text(parameters.get("value", ""), "value")
    if within is not None and within.value is None and within.column.kind == "attribute":
        raise BadInput("Every run has this attribute.", field="of", value=within.column.name)
    view = View(experiment_id, text, stage, tuple(parse_columns(parameters.getlist("c"))), "", group, within,
                parameters.get("page", ""), parameters.get("back") == "1", _count(parameters.get("at", "0"), "at"))
    return replace(view, sort=_order(parameters.get("sort", ""), grouped=group is not None))


def _order(text: str, *, grouped: bool) -> str:
    """Return the order that an address asks for; one that does not fit to groups, or to runs, gives way to the usual.

    Raises BadInput for a column that is none.
    """
    name = text.removeprefix("-")
    if not name or name in GROUP_ORDERS:
        return text if grouped else ""
    column = parse_column(name, "sort")
    return "" if grouped and column.kind != "metric" else text


def group_metrics(view: View, columns: Sequence[RunColumn]) -> list[RunColumn]:
    """Return the metrics that a table of groups shows, the one that orders them among them."""
    ordering = view.order_column
    metrics = [column for column in columns if column.kind == "metric"][:6]
    if ordering is not None and ordering not in metrics:
        metrics.append(ordering)
    return metrics
