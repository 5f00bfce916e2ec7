"""Charts that compare runs: curves, parallel coordinates, points. Each has its table, as all charts do.

Six runs have a colour and a stroke of their own (three colours, solid or dashed); further ones are thin and grey, and
tell their name under the pointer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stellwerk.uikit.charts import Chart, finished

_COLOURS = ("@accent", "@series-3", "@ink-3")
DISTINCT = 6
# Points of a line that answer to the pointer.
_TOUCHED = 40


@dataclass(frozen=True)
class Curve:
    """One line: points in order of x, those before smoothing where they differ, and its row of the table."""

    label: str
    points: Sequence[tuple[float, float]]
    raw: Sequence[tuple[float, float]] = ()
    row: Sequence[str] = field(default=())


def _style(labels: Sequence[str]) -> dict[str, Any]:
    """Return colour, dash and width by run: three colours twice, then thin grey ones."""
    many = len(labels)
    colours = [_COLOURS[place % 3] if place < DISTINCT else "@line-2" for place in range(many)]
    dashes = [[1, 0] if place < 3 or place >= DISTINCT else [5, 3] for place in range(many)]
    widths = [2 if place < DISTINCT else 1.2 for place in range(many)]
    scale = {"domain": list(labels)}
    return {"color": {"field": "run", "type": "nominal", "legend": None, "scale": {**scale, "range": colours}},
            "strokeDash": {"field": "run", "type": "nominal", "legend": None, "scale": {**scale, "range": dashes}},
            "strokeWidth": {"field": "run", "type": "nominal", "legend": None, "scale": {**scale, "range": widths}}}


def curves(chart_id: str, title: str, lines: Sequence[Curve], columns: Sequence[str], *, x_axis: str,
           x_scale: str = "linear", y_scale: str = "linear", under: str | None = None) -> Chart:
    """Return lines over steps or time; scales are ``linear``, ``log``, ``symlog`` or, for x, ``time``."""
    labels = [line.label for line in lines]
    style = _style(labels)
    x: dict[str, Any] = {"field": "x", "type": "temporal" if x_scale == "time" else "quantitative", "title": x_axis,
                         "axis": {"tickCount": 6}}
    if x_scale != "time":
        x |= {"scale": {"type": x_scale, "zero": False, "nice": False}}
        x["axis"] |= {"format": "~s"}
    y = {"field": "y", "type": "quantitative", "title": None, "scale": {"type": y_scale, "zero": False},
         "axis": {"tickCount": 5, "format": ".3~g"}}
    layers: list[dict[str, Any]] = []
    if any(line.raw for line in lines):
        layers.append({"data": {"name": "raw", "values": _points(lines, raw=True)},
                       "mark": {"type": "line", "strokeWidth": 1, "opacity": 0.3},
                       "encoding": {"x": x, "y": y, "color": style["color"], "detail": {"field": "run"}}})
    data = _points(lines)
    alone = all(len(line.points) < 2 for line in lines)
    layers.append({"data": {"name": "curves", "values": data},
                   "mark": {"type": "point", "size": 60} if alone else {"type": "line"},
                   "encoding": {"x": x, "y": y, **style} if not alone else {"x": x, "y": y, "color": style["color"]}})
    layers.append(_touched(lines, x, y, style, x_axis))
    if 1 < len(lines) <= DISTINCT:
        layers.append({"data": {"name": "ends", "values": _ends(lines)},
                       "mark": {"type": "text", "align": "left", "dx": 7, "fontWeight": 600, "clip": False,
                                "limit": 130},
                       "encoding": {"x": x, "y": y, "color": style["color"], "text": {"field": "run"}}})
    spec: dict[str, Any] = {"height": 220, "layer": layers}
    if 1 < len(lines) <= DISTINCT:
        spec["padding"] = {"left": 2, "top": 4, "bottom": 2, "right": 110}
    return finished(chart_id, title, spec, columns, [line.row for line in lines], under)


def _points(lines: Sequence[Curve], *, raw: bool = False) -> list[dict[str, Any]]:
    # The first lines are drawn last, so that they lie on top.
    return [{"run": line.label, "x": _short(x), "y": _short(y)} for line in reversed(lines)
            for x, y in (line.raw if raw else line.points)]


def _short(value: float) -> float | int:
    """Return a number as a drawing needs it, in few characters."""
    return int(value) if value == int(value) and abs(value) < 1e15 else float(f"{value:.7g}")


def _touched(lines: Sequence[Curve], x: dict[str, Any], y: dict[str, Any], style: dict[str, Any],
             x_axis: str) -> dict[str, Any]:
    values = []
    for line in lines:
        every = max(1, len(line.points) // max(4, _TOUCHED // max(1, len(lines) // 8)))
        values += [{"run": line.label, "x": px, "y": py} for px, py in line.points[::every]]
    return {"data": {"name": "touched", "values": values},
            "params": [{"name": "near", "select": {"type": "point", "on": "pointermove", "nearest": True,
                                                   "clear": "pointerout"}}],
            "mark": {"type": "point", "size": 60, "filled": True},
            "encoding": {"x": x, "y": y, "color": style["color"],
                         "opacity": {"condition": {"param": "near", "empty": False, "value": 1}, "value": 0},
                         "tooltip": [{"field": "run", "title": "Run"},
                                     {"field": "x", "title": x_axis, "type": x["type"]},
                                     {"field": "y", "title": "Value", "format": ".5~g"}]}}


def _ends(lines: Sequence[Curve]) -> list[dict[str, Any]]:
    """Return where each name stands: at the end of its line, moved apart where two would collide."""
    heights = [y for line in lines for _, y in line.points]
    if not heights:
        return []
    gap = (max(heights) - min(heights)) * 0.085
    labels: list[dict[str, Any]] = []
    reached = float("inf")
    last = max(line.points[-1][0] for line in lines if line.points)
    for line in sorted((line for line in lines if line.points), key=lambda line: -line.points[-1][1]):
        reached = min(line.points[-1][1], reached - gap)
        labels.append({"run": line.label, "x": last, "y": reached})
    return labels


@dataclass(frozen=True)
class Axis:
    """One axis of parallel coordinates: its name and what is written upon it, as (place from 0 to 1, text)."""

    name: str
    marks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Thread:
    """One run through the axes: its place on each (None: no value) and the values as texts."""

    label: str
    places: Sequence[float | None]
    texts: Sequence[str]
    weight: float = 1.0


def parallel(chart_id: str, title: str, axes: Sequence[Axis], threads: Sequence[Thread], *,
             under: str | None = None) -> Chart:
    """Return parallel coordinates; a thread's weight from 0 to 1 leads from grey to accent."""
    names = [axis.name for axis in axes]
    data = [{"run": thread.label, "axis": axis.name, "place": place, "value": text, "weight": thread.weight}
            for thread in sorted(threads, key=lambda one: one.weight)
            for axis, place, text in zip(axes, thread.places, thread.texts, strict=True) if place is not None]
    x = {"field": "axis", "type": "nominal", "sort": names, "title": None,
         "axis": {"labelAngle": 0, "labelFontSize": 12, "labelColor": "@ink", "labelPadding": 12, "domain": False,
                  "ticks": False, "orient": "top", "labelLimit": max(60, 900 // max(1, len(names)))}}
    y = {"field": "place", "type": "quantitative", "axis": None, "scale": {"domain": [-0.04, 1.04], "nice": False}}
    written = [{"axis": axis.name, "place": place, "text": text} for axis in axes for place, text in axis.marks]
    over = {"param": "over", "empty": False}
    layers: list[dict[str, Any]] = [
        {"data": {"values": [{"axis": name, "place": 0, "end": 1} for name in names]},
         "mark": {"type": "rule", "color": "@line-2"},
         "encoding": {"x": x, "y": y, "y2": {"field": "end"}}},
        {"data": {"values": data},
         "params": [{"name": "over", "select": {"type": "point", "fields": ["run"], "on": "pointerover",
                                                "clear": "pointerout"}}],
         "mark": {"type": "line", "strokeJoin": "round"},
         "encoding": {"x": x, "y": y, "detail": {"field": "run"},
                      "color": {"field": "weight", "type": "quantitative", "legend": None,
                                "scale": {"domain": [0, 1], "range": ["@line-2", "@accent"]}},
                      "strokeWidth": {"condition": {**over, "value": 4}, "value": 1.6},
                      "tooltip": [{"field": "run", "title": "Run"}]}},
        {"data": {"values": data},
         "mark": {"type": "point", "size": 28, "filled": True},
         "encoding": {"x": x, "y": y, "color": {"field": "weight", "type": "quantitative", "legend": None},
                      "tooltip": [{"field": "run", "title": "Run"}, {"field": "axis", "title": "Column"},
                                  {"field": "value", "title": "Value"}]}}]
    for halo in ({"stroke": "@paper", "strokeWidth": 4, "strokeJoin": "round"}, {}):
        layers.append({"data": {"values": written},
                       "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 11, "limit": 110,
                                "color": "@ink-2", **halo},
                       "encoding": {"x": x, "y": y, "text": {"field": "text"}}})
    rows = [[thread.label, *thread.texts] for thread in threads]
    return finished(chart_id, title, {"height": 280, "layer": layers}, ("Run", *names), rows, under)


@dataclass(frozen=True)
class Dot:
    """One run as a point; values are numbers, or texts on an axis of names."""

    label: str
    x: float | str
    y: float | str
    texts: tuple[str, str]


def dots(chart_id: str, title: str, items: Sequence[Dot], *, x_axis: str, y_axis: str, x_scale: str = "linear",
         y_scale: str = "linear", under: str | None = None) -> Chart:
    """Return one point for each run; scales are ``linear``, ``log`` or ``names``; up to twelve bear their name."""

    def channel(name: str, title: str, scale: str) -> dict[str, Any]:
        if scale == "names":
            return {"field": name, "type": "nominal", "title": title, "axis": {"labelAngle": 0}}
        return {"field": name, "type": "quantitative", "title": title, "scale": {"type": scale, "zero": False},
                "axis": {"tickCount": 6, "format": ".3~g"}}

    data = [{"run": dot.label, "x": dot.x, "y": dot.y, "xt": dot.texts[0], "yt": dot.texts[1]} for dot in items]
    base = {"x": channel("x", x_axis, x_scale), "y": channel("y", y_axis, y_scale)}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "point", "size": 70, "filled": True, "color": "@accent", "opacity": 0.75},
         "encoding": {**base, "tooltip": [{"field": "run", "title": "Run"}, {"field": "xt", "title": x_axis},
                                          {"field": "yt", "title": y_axis}]}}]
    if len(items) <= 12:
        layers.append({"mark": {"type": "text", "align": "left", "dx": 8, "dy": -6, "color": "@ink-2", "limit": 130},
                       "encoding": {**base, "text": {"field": "run"}}})
    rows = [[dot.label, *dot.texts] for dot in items]
    return finished(chart_id, title, {"data": {"values": data}, "height": 280, "layer": layers},
                    ("Run", x_axis, y_axis), rows, under)
