"""Curves of metrics: read, smoothed, and turned into charts whose titles say what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stellwerk.features import runs
from stellwerk.features.tracking_pages.figures import figure, is_infinite
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput
from stellwerk.uikit import Chart
from stellwerk.uikit.run_charts import Curve, curves

AXES = {"step": "Step", "time": "Seconds since the first point", "clock": "Time"}
_POINTS = 6000
_FEWEST = 60
_MOST = 1000
COLUMNS = ("Run", "Points", "First", "Lowest", "Highest", "Last")


@dataclass(frozen=True)
class Drawing:
    """How curves are drawn: what runs along x, the weight of smoothing from 0 to 0.99, logarithmic axes."""

    axis: str = "step"
    smooth: float = 0.0
    log_x: bool = False
    log_y: bool = False

    def __post_init__(self) -> None:
        """Raise BadInput for what cannot be drawn."""
        if self.axis not in AXES:
            raise BadInput("Curves run over steps or time.", field="axis", value=self.axis[:20], allowed=list(AXES))
        if not 0 <= self.smooth < 1:
            raise BadInput("The weight of smoothing is a number from 0 to 0.99.", field="smooth", value=self.smooth)


def smoothed(points: Sequence[tuple[float, float]], weight: float) -> list[tuple[float, float]]:
    """Return the exponential moving average of points, without the pull of its start towards zero."""
    if not weight:
        return list(points)
    found, mean, reach = [], 0.0, 1.0
    for x, y in points:
        mean = weight * mean + (1 - weight) * y
        reach *= weight
        found.append((x, mean / (1 - reach)))
    return found


def read_histories(st: Statements, numbers: Sequence[int],
                   keys: Sequence[str]) -> dict[str, list[runs.overview.History]]:
    """Return the histories of metrics, one for each run; the more runs, the fewer points of each."""
    limit = max(_FEWEST, min(_MOST, _POINTS // max(1, len(numbers))))
    return {key: [runs.overview.history(st, number, key, limit) for number in numbers] for key in keys}


def chart_of(chart_id: str, key: str, histories: Mapping[str, runs.overview.History], drawing: Drawing) -> Chart:
    """Return the chart of one metric; ``histories`` names each run as the chart does."""
    lines, hidden, odd = [], 0, 0
    for label, history in histories.items():
        points, left_out = _points(history, drawing)
        odd += left_out
        if drawing.log_y:
            hidden += sum(1 for _, y in points if y <= 0)
            points = [(x, y) for x, y in points if y > 0]
        line = smoothed(points, drawing.smooth)
        lines.append(Curve(label, line, points if drawing.smooth else (), _row(label, history)))
    scale = "time" if drawing.axis == "clock" else "symlog" if drawing.log_x else "linear"
    return curves(chart_id, _title(key, histories), lines, COLUMNS, x_axis=AXES[drawing.axis], x_scale=scale,
                  y_scale="log" if drawing.log_y else "linear", under=_under(hidden, odd, drawing))


def _points(history: runs.overview.History, drawing: Drawing) -> tuple[list[tuple[float, float]], int]:
    """Return the points that can be drawn, and how many cannot."""
    finite = [row for row in history.points if not row[3] and not is_infinite(row[2])]
    first = min((row[0] for row in history.points), default=0)
    points = [(float(step) if drawing.axis == "step" else (moment - first) / 1000 if drawing.axis == "time"
               else float(moment), float(value)) for moment, step, value, _ in finite]
    return (points if drawing.axis == "step" else sorted(points)), len(history.points) - len(finite)


def _row(label: str, history: runs.overview.History) -> list[str]:
    if not history.points:
        return [label, "0", "–", "–", "–", "–"]
    first, last = history.points[0], history.points[-1]
    return [label, f"{history.total:,}", _value(first), figure(history.low), figure(history.high), _value(last)]


def _value(row: tuple[int, int, float, int]) -> str:
    return "NaN" if row[3] else figure(row[2])


def _title(key: str, histories: Mapping[str, runs.overview.History]) -> str:
    ends = {label: history.points[-1] for label, history in histories.items() if history.points}
    if len(histories) == 1 and ends:
        history = next(iter(histories.values()))
        first, last = history.points[0], history.points[-1]
        if history.total == 1:
            return f"{key}: {_value(last)}"
        return f"{key}: from {_value(first)} to {_value(last)} in {history.total:,} points"
    finite = {label: row[2] for label, row in ends.items() if not row[3]}
    if len(finite) < 2:
        return key
    low, high = min(finite, key=lambda label: finite[label]), max(finite, key=lambda label: finite[label])
    return f"{key} ends between {figure(finite[low])} ({low}) and {figure(finite[high])} ({high})"


def _under(hidden: int, odd: int, drawing: Drawing) -> str | None:
    said = []
    if drawing.smooth:
        said.append(f"smoothed with weight {drawing.smooth:g}; as logged behind it")
    if hidden:
        said.append(f"{hidden:,} points at or below zero have no place on a logarithmic axis")
    if odd:
        said.append(f"{odd:,} points are not finite")
    return "; ".join(said)[:1].upper() + "; ".join(said)[1:] if said else None
