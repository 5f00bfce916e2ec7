"""A query on runs as its parts, and the order in which its tables are read.

SQLite keeps the order of a CROSS JOIN, and so do our connections to PostgreSQL: the plan is ours and does not depend
on statistics that may be old or missing. What each filter lets through is counted on its index, up to a bound; then
either the rarest filter is read first and its runs are sorted, or the order's index is read first and runs are looked
up until the page is full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

# Rows of an index that are counted at most, to tell a rare filter from a common one.
_COUNTED = 20_000
_SCOPE_COUNTED = 5_000


@dataclass
class Logged:
    """One of the tables of what runs log, joined under a name, with conditions on its own columns."""

    name: str
    table: str
    clauses: list[str]
    values: list[Any]
    # Conditions that the index alone answers, None where it cannot.
    indexed: tuple[str, list[Any]] | None = None

    def count(self, st: Statements, known: dict[str, int]) -> int:
        """Return how many rows the conditions let through, at most the bound; the bound where no index tells."""
        if self.indexed is None:
            return _COUNTED
        text, values = self.indexed
        mark = repr((self.table, text, values))
        if mark not in known:
            known[mark] = int(st.fetch_value(
                f"SELECT count(*) FROM (SELECT 1 FROM {self.table} t WHERE {text} LIMIT {_COUNTED}) counted", values))
        return known[mark]


@dataclass
class Query:
    """The parts of a query on ``run r``."""

    logged: list[Logged] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)
    join_values: list[Any] = field(default_factory=list)
    clauses: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    # The name that is read first, "" where the database decides.
    first: str = ""
    nothing: bool = False

    def join(self, text: str, values: Sequence[Any] = ()) -> None:
        """Add a left join."""
        self.joins.append(text)
        self.join_values.extend(values)

    def where(self, text: str, values: Sequence[Any] = ()) -> None:
        """Add a condition."""
        self.clauses.append(text)
        self.values.extend(values)

    @property
    def source(self) -> str:
        """FROM and WHERE of the query."""
        tables = {"r": "run r"} | {one.name: f"{one.table} {one.name}" for one in self.logged}
        names = sorted(tables, key=lambda name: (name != self.first, name != "r"))
        between = " CROSS JOIN " if self.first else " JOIN "
        # A plain JOIN without ON leaves the order to the database; PostgreSQL asks for a condition there.
        after = "" if self.first else " ON 1 = 1"
        listed = tables[names[0]] + "".join(f"{between}{tables[name]}{after}" for name in names[1:])
        conditions = [*self.clauses, *(clause for one in self.logged for clause in one.clauses),
                      *(f"{one.name}.run_no = r.no" for one in self.logged)]
        return f"FROM {listed} {' '.join(self.joins)} WHERE {' AND '.join(conditions)}"

    @property
    def all_values(self) -> list[Any]:
        """The parameters of ``source``."""
        return [*self.join_values, *self.values, *(value for one in self.logged for value in one.values)]


def plan(st: Statements, query: Query, known: dict[str, int], *, ordered_by: str, experiment_ids: Sequence[int],
         limit: int) -> None:
    """Choose what is read first: the name whose index gives the order, or the rarest filter.

    ``ordered_by`` is "" where no index gives the order; ``known`` keeps counts for the next phase. Marks the query as
    empty where a filter lets nothing through.
    """
    counts = {one.name: one.count(st, known) for one in query.logged if one.name != ordered_by}
    if 0 in counts.values():
        query.nothing = True
        return
    if not (counts or ordered_by):
        return
    best = min(counts, key=lambda name: counts[name], default="")
    if not ordered_by:
        query.first = best if best and counts[best] < _COUNTED else ""
        return
    if not best:
        query.first = ordered_by
        return
    runs = _runs_in(st, experiment_ids, known)
    share = 1.0
    for count in counts.values():
        share *= min(count / max(runs, 1), 1.0)
    # Rows looked at until the page is full, against all rows of the rarest filter.
    until_full = min(runs, (limit + 1) / max(share, 1e-9))
    query.first = ordered_by if until_full <= counts[best] else best


def _runs_in(st: Statements, experiment_ids: Sequence[int], known: dict[str, int]) -> int:
    """Return how many runs the experiments have; beyond a bound, how many there are at all."""
    if "runs" not in known:
        found = int(st.fetch_value(
            f"SELECT count(*) FROM (SELECT 1 FROM run WHERE experiment_id IN ({marks(len(experiment_ids))}) "
            f"LIMIT {_SCOPE_COUNTED}) counted", experiment_ids))
        known["runs"] = found if found < _SCOPE_COUNTED else int(st.fetch_value("SELECT max(no) FROM run"))
    return known["runs"]
