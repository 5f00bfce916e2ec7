"""Charts as Vega-Lite specifications, each with the same data as a table.

Colours are tokens such as ``@accent``; the browser replaces them by the scheme in force. The title says the
finding, not the variable. ``id`` names the chart within its page: letters, digits and dashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stellwerk.uikit.formats import number, percent

_SERIES = ("@accent", "@series-2", "@series-3")
_HALO = {"stroke": "@paper", "strokeWidth": 9, "strokeJoin": "round"}


@dataclass(frozen=True)
class Chart:
    """A chart and its twin: ``columns`` and ``rows`` are the table, already formatted."""

    id: str
    title: str
    spec: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    under: str | None = field(default=None)


def finished(chart_id: str, title: str, spec: dict[str, Any], columns: Sequence[str], rows: Sequence[Sequence[str]],
             under: str | None) -> Chart:
    """Return a chart that takes its width from the page."""
    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v6.json", "width": "container",
             "autosize": {"type": "fit-x", "contains": "padding"}, **spec}
    return Chart(id=chart_id, title=title, spec=whole, columns=columns, rows=rows, under=under)


@dataclass(frozen=True)
class Bar:
    """A group's value with its 95 % interval and how many it stands for; ``None`` bounds draw no interval."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


def bars(chart_id: str, title: str, items: Sequence[Bar], *, share: bool = False, limit: float | None = None,
         limit_label: str = "gate", axis: str = "", maximum: float | None = None, under: str | None = None) -> Chart:
    """Return horizontal bars from zero with intervals; ``limit`` draws the gate as a dashed line."""
    shown = percent if share else number
    data = [{"label": item.label, "value": item.value, "low": item.low, "high": item.high, "text": shown(item.value),
             "end": item.value if item.high is None else item.high,
             "span": "" if item.low is None else f"{shown(item.low)} to {shown(item.high)}",
             "n": "" if item.n is None else number(item.n)} for item in items]
    top = max([maximum or 0.0, *(item.high or item.value for item in items), limit or 0.0])
    bottom = min([0.0, *(item.value if item.low is None else item.low for item in items)])
    scale = {"domain": [bottom, top + (top - bottom) * 0.12], "nice": False}
    x = {"field": "value", "type": "quantitative", "title": axis or None, "scale": scale,
         "axis": {"format": "%" if share else "~g", "grid": True, "tickCount": 5}}
    y = {"field": "label", "type": "nominal", "sort": None, "title": None,
         "axis": {"labelColor": "@ink", "labelFontSize": 13}}
    tooltip = [{"field": "label", "title": "Group"}, {"field": "text", "title": "Value"},
               {"field": "span", "title": "95 % interval"}, {"field": "n", "title": "n"}]
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "height": 16, "color": "@accent", "opacity": 0.28},
         "encoding": {"x": x, "y": y, "tooltip": tooltip}},
        {"mark": {"type": "rule", "strokeWidth": 2, "color": "@accent"},
         "transform": [{"filter": "datum.low !== null"}],
         "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y}},
        {"mark": {"type": "point", "size": 60, "opacity": 1, "color": "@accent"},
         "encoding": {"x": x, "y": y, "tooltip": tooltip}},
    ]
    spec: dict[str, Any] = {"data": {"values": data}, "height": 44 * max(1, len(items)), "layer": layers}
    if limit is not None:
        layers.append({"data": {"values": [{"limit": limit}]},
                       "mark": {"type": "rule", "strokeDash": [4, 3], "color": "@ink-2", "strokeWidth": 1.5},
                       "encoding": {"x": {**x, "field": "limit"}}})
        layers.append({"data": {"values": [{"limit": limit, "text": f"{limit_label} {shown(limit)}"}]},
                       "mark": {"type": "text", "align": "center", "baseline": "bottom", "dy": -4, "color": "@ink-2"},
                       "encoding": {"x": {**x, "field": "limit"}, "y": {"value": 0},
                                    "text": {"field": "text"}}})
    for halo in (_HALO, {}):
        layers.append({"mark": {"type": "text", "align": "left", "dx": 10, "fontWeight": 600, "fontSize": 13, **halo},
                       "encoding": {"x": {**x, "field": "end"}, "y": y, "text": {"field": "text"}}})
    rows = [[item.label, shown(item.value), "–" if item.low is None else f"{shown(item.low)} to {shown(item.high)}",
             number(item.n)] for item in items]
    if limit is not None:
        rows.append([limit_label, shown(limit), "–", "–"])
    return finished(chart_id, title, spec, ("Group", "Value", "95 % interval", "n"), rows, under)


def lines(chart_id: str, title: str, series: Mapping[str, Sequence[tuple[float, float]]], *, x_axis: str, y_axis: str,
          diagonal: bool = False, share: bool = False, from_zero: bool = True, under: str | None = None) -> Chart:
    """Return at most three lines over a number, labelled at their ends; ``diagonal`` draws y = x for reference.

    Raises ValueError for more than three series.
    """
    if len(series) > len(_SERIES):
        raise ValueError("at most three series in one chart")
    data = [{"series": name, "x": x, "y": y} for name, points in series.items() for x, y in points]
    colour = {"field": "series", "type": "nominal", "legend": None,
              "scale": {"domain": list(series), "range": list(_SERIES[:len(series)])}}
    form = "%" if share else "~g"
    x = {"field": "x", "type": "quantitative", "title": x_axis, "axis": {"tickCount": 6, "format": form}}
    y = {"field": "y", "type": "quantitative", "title": y_axis, "scale": {"zero": from_zero},
         "axis": {"tickCount": 5, "format": form}}
    tooltip = [{"field": "series", "title": "Series"}, {"field": "x", "title": x_axis, "format": ".3~g"},
               {"field": "y", "title": y_axis, "format": ".3~g"}]
    layers: list[dict[str, Any]] = []
    if diagonal:
        layers.append({"data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
                       "mark": {"type": "line", "color": "@line-2", "strokeDash": [4, 3], "strokeWidth": 1.5},
                       "encoding": {"x": x, "y": y}})
    layers.append({"data": {"values": data}, "mark": {"type": "line", "point": len(data) <= 60, "strokeWidth": 2},
                   "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip}})
    if len(series) > 1:
        layers.append({"data": {"values": _end_labels(series)},
                       "mark": {"type": "text", "align": "left", "dx": 8, "fontWeight": 600, "clip": False},
                       "encoding": {"x": x, "y": y, "color": colour, "text": {"field": "series"}}})
    spec = {"height": 260, "layer": layers}
    shown = percent if share else number
    rows = [[name, shown(px), shown(py)] for name, points in series.items() for px, py in points]
    return finished(chart_id, title, spec, ("Series", x_axis, y_axis), rows, under)


def _end_labels(series: Mapping[str, Sequence[tuple[float, float]]]) -> list[dict[str, Any]]:
    """Return where each line's name stands: at its end, moved apart by 8 % of the height where two would collide."""
    heights = [y for points in series.values() for _, y in points]
    gap = (max(heights) - min(heights)) * 0.08 if heights else 0.0
    labels: list[dict[str, Any]] = []
    reached = float("inf")
    for name, points in sorted(series.items(), key=lambda item: -item[1][-1][1] if item[1] else 0.0):
        if not points:
            continue
        reached = min(points[-1][1], reached - gap)
        labels.append({"series": name, "x": points[-1][0], "y": reached})
    return labels


def histogram(chart_id: str, title: str, edges: Sequence[float], counts: Mapping[str, Sequence[int]], *, x_axis: str,
              threshold: float | None = None, under: str | None = None) -> Chart:
    """Return counts over bins, one panel per group under a common axis; ``threshold`` draws a dashed line.

    Raises ValueError where a group has not one count per bin.
    """
    data: list[dict[str, Any]] = []
    for name, values in counts.items():
        if len(values) != len(edges) - 1:
            raise ValueError(f"{name}: {len(values)} counts for {len(edges) - 1} bins")
        data += [{"group": name, "from": low, "to": high, "count": count}
                 for low, high, count in zip(edges, edges[1:], values, strict=False)]
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "binSpacing": 1, "color": "@accent", "opacity": 0.75},
         "encoding": {"x": {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": x_axis,
                            "axis": {"tickCount": 10}}, "x2": {"field": "to"},
                      "y": {"field": "count", "type": "quantitative", "title": "n", "axis": {"tickCount": 3}},
                      "tooltip": [{"field": "group", "title": "Group"}, {"field": "from", "title": "From"},
                                  {"field": "to", "title": "To"}, {"field": "count", "title": "n"}]}}]
    if threshold is not None:
        layers.append({"mark": {"type": "rule", "strokeDash": [4, 3], "color": "@ink", "strokeWidth": 1.5},
                       "encoding": {"x": {"datum": threshold, "type": "quantitative"}}})
    many = len(counts) > 1
    spec: dict[str, Any] = {"data": {"values": data}}
    if many:
        spec |= {"facet": {"row": {"field": "group", "type": "nominal", "sort": list(counts), "title": None, "header": {
            "labelAngle": 0, "labelAlign": "left", "labelAnchor": "start", "labelOrient": "top", "labelFontWeight": 600,
            "labelColor": "@ink", "labelFontSize": 13, "labelPadding": 2}}},
                 "spec": {"width": 560, "height": 84, "layer": layers}, "resolve": {"scale": {"y": "independent"}},
                 "spacing": 10}
    else:
        spec |= {"height": 180, "layer": layers}
    rows = [[item["group"], f"{number(item['from'])} to {number(item['to'])}", number(item["count"])] for item in data]
    chart = finished(chart_id, title, spec, ("Group", x_axis, "n"), rows, under)
    # A faceted chart cannot take its width from the page.
    return chart if not many else Chart(**{**chart.__dict__, "spec": {
        key: value for key, value in chart.spec.items() if key not in ("width", "autosize")}})


@dataclass(frozen=True)
class Contribution:
    """What one input added to or took from the answer; ``value`` is the input as shown to people."""

    label: str
    value: str
    amount: float


def waterfall(chart_id: str, title: str, base: float, items: Sequence[Contribution], *,
              base_label: str = "Usual answer", end_label: str = "This answer", share: bool = True,
              threshold: float | None = None, under: str | None = None) -> Chart:
    """Return the way from the usual answer to this one, input by input, in the order given.

    The end is ``base`` plus all amounts; ``threshold`` draws a dashed line.
    """
    shown = percent if share else number
    steps: list[dict[str, Any]] = [{"label": base_label, "from": 0.0, "to": base, "kind": "total", "text": shown(base)}]
    reached = base
    for item in items:
        sign = "+" if item.amount >= 0 else ""
        steps.append({"label": f"{item.label} = {item.value}" if item.value else item.label, "from": reached,
                      "to": reached + item.amount, "kind": "up" if item.amount >= 0 else "down",
                      "text": sign + shown(item.amount)})
        reached += item.amount
    steps.append({"label": end_label, "from": 0.0, "to": reached, "kind": "total", "text": shown(reached)})
    for step in steps:
        step["edge"] = max(step["from"], step["to"])
    edges = [step[end] for step in steps for end in ("from", "to")] + ([threshold] if threshold is not None else [])
    room = (max(edges) - min(0.0, *edges)) * 0.22
    x = {"type": "quantitative", "title": None,
         "scale": {"domain": [min(0.0, *edges), max(edges) + room], "nice": False},
         "axis": {"format": "%" if share else "~g", "grid": True, "tickCount": 6}}
    y = {"field": "label", "type": "ordinal", "sort": None, "title": None,
         "axis": {"labelColor": "@ink", "labelFontSize": 13}}
    colour = {"field": "kind", "type": "nominal", "legend": None,
              "scale": {"domain": ["total", "up", "down"], "range": ["@line-2", "@accent", "@ink-2"]}}
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "bar", "height": 16},
         "encoding": {"x": {**x, "field": "from"}, "x2": {"field": "to"}, "y": y, "color": colour,
                      "tooltip": [{"field": "label", "title": "Input"}, {"field": "text", "title": "Effect"}]}}]
    if threshold is not None:
        layers.append({"data": {"values": [{"threshold": threshold}]},
                       "mark": {"type": "rule", "strokeDash": [4, 3], "color": "@ink", "strokeWidth": 1.5},
                       "encoding": {"x": {**x, "field": "threshold"}}})
    for halo in (_HALO, {}):
        layers.append({"mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 13, **halo},
                       "encoding": {"x": {**x, "field": "edge"}, "y": y, "text": {"field": "text"}}})
    spec = {"data": {"values": steps}, "height": 28 * len(steps), "layer": layers,
            "padding": {"left": 2, "top": 2, "bottom": 2, "right": 34}}
    rows = [[step["label"], step["text"]] for step in steps]
    if threshold is not None:
        rows.append(["Threshold", shown(threshold)])
    return finished(chart_id, title, spec, ("Input", "Effect"), rows, under)
