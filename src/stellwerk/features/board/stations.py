"""The six stations of a line: which lamp each shows and the word beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from stellwerk.features.releases import Standing

Lamp = Literal["clear", "caution", "stop", "unset", "way"]
NAMES = ("Data", "Model", "Gates", "Approval", "Live", "Outcome")
DATA, MODEL, GATES, APPROVAL, LIVE, OUTCOME = range(6)
# Where on the line a job stands while it is in a stage of its own.
_PLACE = {"environment": DATA, "data": DATA, "plan": MODEL, "train": MODEL, "evaluate": GATES, "stand": GATES,
          "release": LIVE}


@dataclass(frozen=True)
class Station:
    """One station: its lamp and the word beside it."""

    name: str
    lamp: Lamp
    word: str


@dataclass(frozen=True)
class Traffic:
    """What is known about a service when its line is drawn.

    ``job`` is the newest job, ``data`` the newest quality report, ``version`` the newest model version.
    """

    standing: Standing
    job: Mapping[str, Any] | None = None
    data: Mapping[str, Any] | None = None
    version: int | None = None
    version_at: str | None = None
    place: int | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", self._place())

    def _place(self) -> int | None:
        if self.job is None or self.job["kind"] == "check":
            return None
        return _PLACE.get(self.job["stage"] or "", DATA)

    @property
    def runs(self) -> bool:
        """Whether a job works on the service now."""
        return self.place is not None and self.job is not None and self.job["state"] in ("queued", "running")

    @property
    def broke(self) -> str | None:
        """What ended the newest job, where nothing came of it: contract or error."""
        if self.place is None or self.job is None or self.runs:
            return None
        outcome = (self.job["result"] or {}).get("outcome")
        if outcome in ("contract", "error"):
            return str(outcome)
        return "error" if self.job["state"] == "failed" else None


def stations(traffic: Traffic) -> tuple[Station, ...]:
    """Return the six stations of a service, in the order of the line."""
    draw = (_data, _model, _gates, _approval, _live, _outcome)
    return tuple(Station(name, *station(traffic)) for name, station in zip(NAMES, draw, strict=True))


def _data(traffic: Traffic) -> tuple[Lamp, str]:
    if traffic.runs and traffic.place == DATA:
        return "way", "reading"
    if traffic.broke == "error" and traffic.place == DATA:
        return "stop", "failed"
    if traffic.data is None:
        return "unset", "not set"
    if traffic.data["verdict"] == "fail":
        return "stop", "contract broken"
    rows = f"{traffic.data['rows']:,d} rows"
    if traffic.data["verdict"] == "warn":
        count = traffic.data["broken"]
        return "caution", f"{count} warning{'' if count == 1 else 's'}"
    return "clear", rows


def _model(traffic: Traffic) -> tuple[Lamp, str]:
    if traffic.runs and traffic.place == MODEL:
        return "way", "training"
    if traffic.broke == "error" and traffic.place == MODEL:
        return "stop", "failed"
    return ("unset", "not set") if traffic.version is None else ("clear", f"version {traffic.version}")


def _gates(traffic: Traffic) -> tuple[Lamp, str]:
    standing = traffic.standing
    if traffic.runs and traffic.place == GATES:
        return "way", "judging"
    if traffic.broke == "error" and traffic.place == GATES:
        return "stop", "failed"
    if standing.revision is None:
        return "unset", "not set"
    count = len([row for row in standing.verdicts if row["verdict"] in ("pass", "fail", "undecided")])
    if standing.verdict == "fail":
        failed = [row for row in standing.verdicts if row["verdict"] == "fail"]
        return "stop", f"{len(failed)} of {count} {'fails' if len(failed) == 1 else 'fail'}"
    if standing.verdict == "undecided":
        return ("caution", "undecided") if standing.blocking else ("clear", "accepted")
    return ("clear", f"{count} of {count} pass") if count else ("unset", "no gates")


def _approval(traffic: Traffic) -> tuple[Lamp, str]:
    standing = traffic.standing
    if standing.revision is None:
        return "unset", "not set"
    if standing.revision["state"] == "rejected":
        return "stop", "rejected"
    if not standing.required:
        return "unset", "not asked"
    given = len(standing.required) - len(standing.missing)
    words = f"{given} of {len(standing.required)}"
    if not standing.missing:
        return "clear", words
    return ("unset" if standing.blocking else "caution"), words


def _live(traffic: Traffic) -> tuple[Lamp, str]:
    standing = traffic.standing
    if standing.champion is None:
        return "unset", "not live"
    words = f"revision {standing.champion['number']}"
    if standing.canary is None:
        return "clear", words
    return "way", f"{words}, canary {standing.share * 100:.0f} %"


def _outcome(traffic: Traffic) -> tuple[Lamp, str]:
    # Outcomes are not collected yet; what nobody measures is never green.
    return "unset", "not measured"
