"""The charts of a version page; each title says the finding, each has its table."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.features.releases.evidence import outcome_words
from stellwerk.uikit import Chart
from stellwerk.uikit.charts import Bar, bars
from stellwerk.uikit.formats import number, percent

_DIAGONAL = {"data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
             "mark": {"type": "line", "color": "@line-2", "strokeDash": [4, 3], "strokeWidth": 1.5}}
_POINT = {"type": "point", "color": "@accent", "filled": True, "opacity": 1}
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


def selection_chart(attribute: str, part: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> Chart:
    """Return how many of each group are selected; the title says the rates and, where one is set, the gate."""
    groups = part["groups"]
    rates = [group for group in groups if group["selection_rate"]["value"] is not None]
    said = " and ".join(f"{percent(group['selection_rate']['value'], 0)} of {group['group']}" for group in rates[:3])
    title = f"Selected by {attribute}: {said}"
    gate = next((row for row in verdicts if row["by"] == attribute and row["metric"] == "selection_rate_ratio"), None)
    if gate and gate["value"] is not None:
        title += f"; ratio {number(gate['value'])}, gate {number(gate['limit'])}"
    return bars(f"selected-{_slug(attribute)}", title, [_bar(group, "selection_rate") for group in groups], share=True,
                under="Share selected automatically, as if no person intervened, with 95 % interval", maximum=1.06)


def price_chart(attribute: str, price: Mapping[str, Any], plan: Mapping[str, Any],
                before: Mapping[str, Any] | None) -> Chart:
    """Return what fairness costs: of those whose recorded outcome is no, the share selected, per group.

    ``before`` is the price of the version before, with its number.
    """
    _, no = outcome_words(plan)
    groups = [group for group in price["groups"] if group["value"] is not None]
    said = ", ".join(f"{percent(group['value'], 0)} of {group['group']}" for group in groups[:3])
    title = f"Of {number(price['all']['of'])} people with {no}, {number(price['all']['selected'])} are selected: {said}"
    items = [Bar(group["group"], group["value"], group["low"], group["high"], group["n"]) for group in groups]
    under = "Share selected automatically of those whose recorded outcome is no, with 95 % interval"
    if before and attribute in before["price"]:
        former = {group["group"]: group["value"] for group in before["price"][attribute]["groups"]}
        told = ", ".join(f"{percent(former[group['group']], 0)} of {group['group']}" for group in groups[:3]
                         if former.get(group["group"]) is not None)
        under += f". Version {before['version']}: {told}"
    return bars(f"price-{_slug(attribute)}", title, items, share=True, under=under, maximum=1.06)


def _slug(text: str) -> str:
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in text)


def _bar(group: Mapping[str, Any], rate: str) -> Bar:
    figure = group[rate]
    return Bar(group["group"], figure["value"] or 0.0, figure["low"], figure["high"], figure["n"])


def sweep_chart(attribute: str, part: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]],
                threshold: float) -> Chart:
    """Return the ratio of selection rates over the threshold, with its interval, the gate and the threshold used."""
    gate = next((row for row in verdicts if row["by"] == attribute and row["metric"] == "selection_rate_ratio"), None)
    limit = float(gate["limit"]) if gate else 0.8
    points = [{"threshold": row["threshold"], "ratio": row["ratio"]["value"], "low": row["ratio"]["low"],
               "high": min(row["ratio"]["high"], 1.2)} for row in part["sweep"] if row["ratio"]["value"] is not None]
    x = {"field": "threshold", "type": "quantitative", "title": "Threshold", "axis": {"tickCount": 6, "format": ".1f"},
         "scale": {"domain": [0, 1]}}
    y = {"field": "ratio", "type": "quantitative", "title": "Ratio", "scale": {"domain": [0, 1.2]},
         "axis": {"tickCount": 5, "format": ".1f"}}
    tooltip = [{"field": "threshold", "title": "Threshold"}, {"field": "ratio", "title": "Ratio", "format": ".2f"},
               {"field": "low", "title": "Low", "format": ".2f"}, {"field": "high", "title": "High", "format": ".2f"}]
    layers = [
        {"mark": {"type": "area", "color": "@accent", "opacity": 0.18},
         "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
        {"mark": {"type": "line", "color": "@accent", "strokeWidth": 2},
         "encoding": {"x": x, "y": y, "tooltip": tooltip}},
        *_rule("y", limit, f"gate {number(limit)}", y), *_rule("x", threshold, f"threshold {number(threshold)}", x)]
    rows = [[number(row["threshold"]), number(row["ratio"]), f"{number(row['low'])} to {number(row['high'])}"]
            for row in points]
    return _chart(f"sweep-{_slug(attribute)}", _sweep_title(points, limit, threshold), {
        "data": {"values": points}, "height": 240, "layer": layers}, ("Threshold", "Ratio", "95 % interval"), rows,
        f"Selection rate of the worst-off group by {attribute} against the best-off, with 95 % interval. "
        "A new threshold needs a new evaluation")


def _sweep_title(points: Sequence[Mapping[str, Any]], limit: float, threshold: float) -> str:
    clear = list(itertools.takewhile(lambda row: row["low"] >= limit, points))
    used = f"this version uses {number(threshold)}"
    if not clear:
        return f"At no threshold does the whole interval lie above {number(limit)}; {used}"
    if len(clear) == len(points):
        return f"At every threshold the whole interval lies above {number(limit)}; {used}"
    return f"Up to a threshold of {number(clear[-1]['threshold'])} the gate of {number(limit)} passes; {used}"


def _rule(channel: str, value: float, label: str, like: Mapping[str, Any]) -> list[dict[str, Any]]:
    place = {channel: {"field": "at", "type": "quantitative", **({"scale": like["scale"]} if "scale" in like else {})}}
    text: dict[str, Any] = {"type": "text", "align": "left", "color": "@ink-2"}
    text |= {"dy": -6, "x": 4} if channel == "y" else {"dx": 5, "y": 10}
    data = {"values": [{"at": value, "label": label}]}
    return [{"data": data, "mark": {"type": "rule", "strokeDash": [4, 3], "color": "@ink-2", "strokeWidth": 1.5},
             "encoding": place},
            {"data": data, "mark": text, "encoding": {**place, "text": {"field": "label"}}}]


def _share_axis(field: str, title: str) -> dict[str, Any]:
    return {"field": field, "type": "quantitative", "title": title, "axis": {"format": "%", "tickCount": 5},
            "scale": {"domain": [0, 1]}}


def _chart(chart_id: str, title: str, spec: dict[str, Any], columns: Sequence[str], rows: Sequence[Sequence[str]],
           under: str) -> Chart:
    whole = {"$schema": _SCHEMA, "width": "container", "autosize": {"type": "fit-x", "contains": "padding"}, **spec}
    return Chart(id=chart_id, title=title, spec=whole, columns=columns, rows=rows, under=under)


def roc_chart(result: Mapping[str, Any]) -> Chart | None:
    """Return the ROC curve with the place of the threshold, or None where one outcome is missing."""
    points = [{"x": row[0], "y": row[1]} for row in result["curves"]["roc"]]
    area = result["metrics"]["roc_auc"]["value"]
    if not points or area is None:
        return None
    counts = result["confusion"]
    here = {"x": counts["fp"] / max(counts["fp"] + counts["tn"], 1),
            "y": counts["tp"] / max(counts["tp"] + counts["fn"], 1), "label": "at the threshold"}
    x = _share_axis("x", "Selected of those with no")
    y = _share_axis("y", "Selected of those with yes")
    layers = [
        {**_DIAGONAL, "encoding": {"x": x, "y": y}},
        {"data": {"values": points}, "mark": {"type": "line", "color": "@accent", "strokeWidth": 2},
         "encoding": {"x": x, "y": y}},
        {"data": {"values": [here]}, "mark": {**_POINT, "size": 70},
         "encoding": {"x": x, "y": y}},
        {"data": {"values": [here]}, "mark": {"type": "text", "align": "right", "dx": -9, "dy": -8, "color": "@ink-2"},
         "encoding": {"x": x, "y": y, "text": {"field": "label"}}}]
    kept = points[::max(1, len(points) // 20)]
    rows = [[percent(point["x"]), percent(point["y"])] for point in kept]
    return _chart("roc", f"Of 100 pairs of a yes and a no, {area * 100:.0f} are ranked in the right order", {
        "height": 260, "layer": layers}, ("Selected of those with no", "Selected of those with yes"), rows,
        f"ROC curve, area {number(area, 3)}")


def calibration_chart(result: Mapping[str, Any]) -> Chart:
    """Return the rate that came true over the mean score, bin by bin."""
    points = [{"x": row["mean_score"], "y": row["rate"]["value"], "low": row["rate"]["low"],
               "high": row["rate"]["high"], "n": row["rate"]["n"]} for row in result["curves"]["calibration"]]
    error = result["metrics"]["ece"]["value"]
    x, y = _share_axis("x", "Mean score"), _share_axis("y", "Came true")
    tooltip = [{"field": "x", "title": "Mean score", "format": ".1%"},
               {"field": "y", "title": "Came true", "format": ".1%"}, {"field": "n", "title": "n"}]
    layers = [
        {**_DIAGONAL, "encoding": {"x": x, "y": y}},
        {"mark": {"type": "rule", "color": "@accent", "strokeWidth": 1.5}, "encoding": {
            "x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
        {"mark": {**_POINT, "size": 55},
         "encoding": {"x": x, "y": y, "tooltip": tooltip}}]
    rows = [[percent(point["x"]), percent(point["y"]), f"{percent(point['low'])} to {percent(point['high'])}",
             number(point["n"])] for point in points]
    title = "Scores and what came true" if error is None else (
        f"Scores lie {number(error * 100, 1)} points from what came true on average")
    return _chart("calibration", title, {"data": {"values": points}, "height": 260, "layer": layers},
                  ("Mean score", "Came true", "95 % interval", "n"), rows, "Calibration in ten equal bins of the score")


def score_chart(result: Mapping[str, Any], plan: Mapping[str, Any], threshold: float) -> Chart:
    """Return how scores are spread, the two recorded outcomes stacked, with the threshold."""
    yes, no = outcome_words(plan)
    bins = result["curves"]["histogram"]
    data = [{"from": row["low"], "to": row["high"], "outcome": name, "count": row[key]}
            for row in bins for name, key in ((yes, "positive"), (no, "negative"))]
    x = {"field": "from", "type": "quantitative", "bin": {"binned": True}, "title": "Score",
         "axis": {"format": ".1f", "tickCount": 10}, "scale": {"domain": [0, 1]}}
    colour = {"field": "outcome", "type": "nominal", "title": None, "scale": {
        "domain": [yes, no], "range": ["@accent", "@caution"]}, "legend": {"orient": "top", "direction": "horizontal"}}
    layers = [
        {"mark": {"type": "bar", "binSpacing": 1, "opacity": 0.8},
         "encoding": {"x": x, "x2": {"field": "to"}, "color": colour,
                      "y": {"field": "count", "type": "quantitative", "title": "People", "axis": {"tickCount": 4}},
                      "tooltip": [{"field": "outcome", "title": "Recorded"}, {"field": "count", "title": "n"}]}},
        *_rule("x", threshold, f"threshold {number(threshold)}", {})]
    share = result["metrics"]["selection_rate"]["value"]
    rows = [[f"{number(row['low'])} to {number(row['high'])}", number(row["positive"]), number(row["negative"])]
            for row in bins]
    return _chart("scores", f"{percent(share, 0)} score {number(threshold)} or more and are selected", {
        "data": {"values": data}, "height": 220, "layer": layers}, ("Score", yes, no), rows,
        f"Scores of {number(result['n'])} people in 20 bins, by recorded outcome")
