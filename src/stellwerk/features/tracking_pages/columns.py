"""Columns of a table of runs, as addresses write them and as pages show them.

``metrics.auc``, ``params.C``, ``tags.stage`` name what runs log; a word alone names an attribute.
"""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.features import runs
from stellwerk.features.tracking_pages.interest import by_interest
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search import Order

KINDS = {"metrics": "metric", "params": "param", "tags": "tag"}
_PLURALS = {kind: name for name, kind in KINDS.items()}
ATTRIBUTES = {"start_time": "Started", "duration": "Duration", "status": "State", "user_id": "User",
              "end_time": "Ended", "run_id": "Run id", "run_name": "Run"}
# Tags that clients set for their own sake; a table shows them only when asked to.
INTERNAL = "mlflow."
PARENT_TAG = "mlflow.parentRunId"
_LONGEST = 300
MOST = 40


@dataclass(frozen=True)
class RunColumn:
    """One column: ``kind`` is attribute, metric, param or tag."""

    kind: str
    key: str

    @property
    def name(self) -> str:
        """The column as addresses write it."""
        return self.key if self.kind == "attribute" else f"{_PLURALS[self.kind]}.{self.key}"

    @property
    def label(self) -> str:
        """The column as its head reads."""
        if (self.kind, self.key) == ("tag", PARENT_TAG):
            return "Parent run"
        return ATTRIBUTES[self.key] if self.kind == "attribute" else self.key

    @property
    def numeric(self) -> bool:
        """Whether its cells are numbers throughout."""
        return self.kind == "metric" or self.key == "duration"

    def order(self, descending: bool) -> Order:
        """Return the order by this column."""
        return Order(self.kind, self.key, descending)


def parse_column(text: str, field: str = "c") -> RunColumn:
    """Return the column of a name; raises BadInput for one that no column has."""
    head, dot, key = text.partition(".")
    if dot and key and head in KINDS and len(text) <= _LONGEST and "\x00" not in text:
        return RunColumn(KINDS[head], key)
    if text in ATTRIBUTES:
        return RunColumn("attribute", text)
    raise BadInput(f"There is no column {text[:80]!r}.", field=field, value=text[:80],
                   allowed="metrics.NAME, params.NAME, tags.NAME or one of " + ", ".join(ATTRIBUTES))


def parse_columns(names: list[str]) -> list[RunColumn]:
    """Return columns in the order given, each once; empty names are left out. Raises BadInput."""
    found = list(dict.fromkeys(parse_column(name.strip()) for name in names if name.strip()))
    if len(found) > MOST:
        raise BadInput("So many columns do not fit into one table.", field="c", value=len(found),
                       allowed=f"up to {MOST}")
    return [column for column in found if column.name != "run_name"]


def _first(known: list[runs.overview.KnownKey]) -> list[str]:
    """Return metrics that at least half as many runs have as the most common one, those of interest first."""
    most = max((one.runs for one in known), default=0)
    return by_interest(one.name for one in known if one.runs * 2 >= most and (one.differs or one.runs == 1))


def usual_columns(known: dict[str, list[runs.overview.KnownKey]], metrics: int = 4, params: int = 4) -> list[RunColumn]:
    """Return the columns of a table that nobody chose: start, duration, and what most runs log and differ in."""
    differing = [one for one in known["param"] if one.differs] or known["param"]
    return [RunColumn("attribute", "start_time"), RunColumn("attribute", "duration"),
            *(RunColumn("metric", name) for name in _first(known["metric"])[:metrics]),
            *(RunColumn("param", one.name) for one in differing[:params])]
