"""The signal board: every service that the reader may see as a line, those that need the reader first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from stellwerk.features.board.stations import APPROVAL, DATA, GATES, LIVE, NAMES, Station, Traffic, stations
from stellwerk.features.board.words import sentence
from stellwerk.features.datasets import newest_reports
from stellwerk.features.jobs import newest_jobs
from stellwerk.features.models import newest_versions
from stellwerk.features.releases import Standing, standings
from stellwerk.features.services import list_services
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput

SORTS = ("need", "name", "team", "changed")
VIEWS = ("auto", "lines", "compact")
# Beyond this many lines the board draws itself compact unless the reader says otherwise.
_ROOMY = 24


@dataclass(frozen=True)
class Wish:
    """What the reader asks to see: text in name or title, a team, an order, a density."""

    text: str = ""
    team: str = ""
    sort: str = "need"
    view: str = "auto"

    def __post_init__(self) -> None:
        for name, value, allowed in (("sort", self.sort, SORTS), ("view", self.view, VIEWS)):
            if value not in allowed:
                raise BadInput(f"The board knows no {name} {value[:40]!r}.", field=name, value=value[:40],
                               allowed=list(allowed))


@dataclass(frozen=True)
class Line:
    """One service as the board draws it.

    ``marker`` is the station where the version under way stands, None when none is; ``reach`` the last station
    that the line has come to. ``action`` is what the reader can do now. ``rank`` orders by need, 0 first.
    """

    name: str
    title: str
    team: str
    stations: tuple[Station, ...]
    marker: int | None
    marker_word: str
    reach: int
    sentence: str
    action: str | None
    version: int | None
    job: str | None
    rank: int
    changed: str

    @property
    def needs_reader(self) -> bool:
        """Whether the line waits for the one who looks."""
        return self.action is not None

    @property
    def worst(self) -> str:
        """The lamp that says most about the line."""
        lamps = [station.lamp for station in self.stations]
        return next((lamp for lamp in ("stop", "caution", "way", "clear") if lamp in lamps), "unset")

    @property
    def live(self) -> bool:
        """Whether the service answers."""
        return self.stations[LIVE].lamp != "unset"


@dataclass(frozen=True)
class Board:
    """All lines that the wish lets through, and how many services there are behind it."""

    lines: tuple[Line, ...]
    total: int
    teams: tuple[str, ...]
    wish: Wish

    @property
    def compact(self) -> bool:
        """Whether each line takes one row of text."""
        return self.wish.view == "compact" or (self.wish.view == "auto" and len(self.lines) > _ROOMY)

    @property
    def waiting(self) -> tuple[Line, ...]:
        """The lines that need the reader."""
        return tuple(line for line in self.lines if line.needs_reader)

    @property
    def others(self) -> tuple[Line, ...]:
        """The lines that go on without the reader."""
        return tuple(line for line in self.lines if not line.needs_reader)

    @property
    def live(self) -> int:
        """How many of the lines shown answer."""
        return len([line for line in self.lines if line.live])


def board(connection: Connection, actor: Actor, wish: Wish, now_us: int) -> Board:
    """Return the board of an actor: the services of the teams where the actor may read."""
    rows = list_services(connection, actor.teams("services.read"))
    teams = tuple(sorted({row["team"] for row in rows}))
    text = wish.text.strip().lower()
    shown = [row for row in rows if (not wish.team or row["team"] == wish.team)
             and (not text or text in row["id"].lower() or text in row["title"].lower())]
    lines = draw_lines(connection, actor, shown, now_us)
    return Board(lines=tuple(sorted(lines, key=_order(wish.sort))), total=len(rows), teams=teams, wish=wish)


def draw_lines(connection: Connection, actor: Actor, rows: list[Any], now_us: int) -> list[Line]:
    """Return the lines of the services, in the order given."""
    names = [row["id"] for row in rows]
    placed = standings(connection, actor, names, now_us)
    jobs, versions = newest_jobs(connection, names), newest_versions(connection, names)
    reports = newest_reports(connection, names)
    lines = []
    for row in rows:
        standing = placed.get(row["id"], Standing())
        version = versions.get(row["id"])
        lines.append(_line(row, Traffic(
            standing=standing, job=jobs.get(row["id"]), version=version["number"] if version else None,
            data=reports.get(row["id"]), version_at=version["created_at"] if version else None)))
    return lines


def _line(row: Mapping[str, Any], traffic: Traffic) -> Line:
    drawn = stations(traffic)
    marker = _marker(traffic, drawn)
    return Line(
        name=row["id"], title=row["title"], team=row["team"], stations=drawn, marker=marker,
        marker_word=_marker_word(traffic, marker),
        reach=_reach(traffic, marker, drawn), sentence=sentence(traffic), action=traffic.standing.action,
        version=traffic.standing.revision["version"] if traffic.standing.revision else traffic.version,
        job=traffic.job["id"] if traffic.job and (traffic.runs or traffic.broke) else None,
        rank=_rank(traffic, drawn), changed=_changed(traffic))


def _marker(traffic: Traffic, drawn: tuple[Station, ...]) -> int | None:
    if traffic.runs:
        return traffic.place
    revision = traffic.standing.revision
    if revision is None or revision["state"] not in ("candidate", "approved", "canary"):
        return None
    if revision["state"] == "canary":
        return LIVE
    if traffic.standing.blocking:
        return GATES
    return APPROVAL if drawn[APPROVAL].lamp == "caution" else LIVE


def _reach(traffic: Traffic, marker: int | None, drawn: tuple[Station, ...]) -> int:
    if marker is not None:
        return marker
    if traffic.broke and traffic.place is not None:
        return traffic.place
    return max((index for index, station in enumerate(drawn[:LIVE + 1]) if station.lamp != "unset"), default=-1)


def _marker_word(traffic: Traffic, marker: int | None) -> str:
    revision = traffic.standing.revision
    if marker is None:
        return ""
    if traffic.runs or revision is None:
        return "run"
    return f"v{revision['version']}"


def _rank(traffic: Traffic, drawn: tuple[Station, ...]) -> int:
    if traffic.standing.action is not None:
        return 0
    # Warnings about data are told, and hold nothing up.
    lamps = {station.lamp for station in drawn if station.name != NAMES[DATA] or station.lamp != "caution"}
    for rank, lamp in enumerate(("stop", "caution", "way"), start=1):
        if lamp in lamps:
            return rank
    return 4 if drawn[LIVE].lamp == "clear" else 5


def _changed(traffic: Traffic) -> str:
    moments = [traffic.version_at or ""]
    if traffic.job is not None:
        moments.append(traffic.job["finished_at"] or traffic.job["created_at"])
    return max(moments)


def _order(sort: str) -> Any:
    if sort == "name":
        return lambda line: (line.title.lower(), line.name)
    if sort == "team":
        return lambda line: (line.team, line.title.lower(), line.name)
    if sort == "changed":
        return lambda line: (_Reverse(line.changed), line.name)
    return lambda line: (line.rank, line.title.lower(), line.name)


class _Reverse:
    """Sorts text downwards within a key that sorts upwards."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: _Reverse) -> bool:
        return self.text > other.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reverse) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)
