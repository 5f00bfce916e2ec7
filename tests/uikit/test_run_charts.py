"""Charts that compare runs: each compiles, tells its runs apart, and has its table."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stellwerk.uikit.charts import Chart
from stellwerk.uikit.run_charts import DISTINCT, Axis, Curve, Dot, Thread, curves, dots, parallel
from tests.uikit.test_charts import _script, strings

NASTY = "</script><b>\"'\\ datum['x']"
COLUMNS = ("Run", "Points", "Last")


def several(count: int, raw: bool = False, points: int = 30) -> list[Curve]:
    found = []
    for number in range(count):
        line = [(float(step), 1 / (1 + step + number)) for step in range(points)]
        found.append(Curve(f"run {number}", line, line if raw else (), [f"run {number}", str(points), "0.1"]))
    return found


def charts() -> dict[str, Chart]:
    axes = [Axis("C (log)", [(0.0, "0.01"), (1.0, "10")]), Axis("solver", [(0.0, "adam"), (1.0, "sgd")]), Axis("auc", [])]
    threads = [Thread("a", [0.0, 1.0, 0.4], ["0.01", "sgd", "0.8"], 0.4), Thread(NASTY, [1.0, None, 1.0], ["10", "–", "1"])]
    points = [Dot("a", 1.0, 2.0, ("1", "2")), Dot(NASTY, 3.0, 4.0, ("3", "4"))]
    named = [Dot("a", "adam", 2.0, ("adam", "2")), Dot("b", NASTY, 4.0, (NASTY, "4"))]
    return {
        "one": curves("c", "t", several(1), COLUMNS, x_axis="Step"),
        "smoothed": curves("c", "t", several(3, raw=True), COLUMNS, x_axis="Step", under="Smoothed"),
        "many": curves("c", "t", several(DISTINCT + 9), COLUMNS, x_axis="Step", x_scale="symlog", y_scale="log"),
        "clock": curves("c", "t", several(2), COLUMNS, x_axis="Time", x_scale="time"),
        "single points": curves("c", "t", several(2, points=1), COLUMNS, x_axis="Step"),
        "no points": curves("c", "t", several(2, points=0), COLUMNS, x_axis="Step"),
        "hostile": curves("c", NASTY, [Curve(NASTY, [(0, 1), (1, 2)], (), [NASTY, "2", "2"])], COLUMNS, x_axis="Step"),
        "parallel": parallel("p", "t", axes, threads, under="u"),
        "dots": dots("d", "t", points, x_axis="C", y_axis="auc"),
        "dots by logarithm": dots("d", "t", points * 10, x_axis="C", y_axis="auc", x_scale="log", y_scale="log"),
        "dots by name": dots("d", "t", named, x_axis="solver", y_axis="auc", x_scale="names")}


@pytest.mark.parametrize("name", sorted(charts()))
def test_each_chart_compiles_and_has_its_table(name: str) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    chart = charts()[name]
    known = re.findall(r'"([a-z0-9-]+)"', (_script().split("const TOKENS = [")[1]).split("]")[0])
    assert {text[1:] for text in strings(chart.spec) if text.startswith("@")} <= set(known)
    spec = json.loads(json.dumps({**chart.spec, "width": 500}).replace('"@', '"#'))
    assert "<svg" in vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    assert chart.rows
    assert all(len(row) == len(chart.columns) for row in chart.rows)


def ranges(chart: Chart, channel: str) -> list[Any]:
    return list(chart.spec["layer"][0]["encoding"][channel]["scale"]["range"])


def test_six_runs_have_a_stroke_of_their_own_and_lie_on_top() -> None:
    chart = charts()["many"]
    strokes = list(zip(ranges(chart, "color"), map(str, ranges(chart, "strokeDash")), strict=True))
    assert len(set(strokes[:DISTINCT])) == DISTINCT
    assert set(strokes[DISTINCT:]) == {("@line-2", "[1, 0]")}
    assert chart.spec["layer"][0]["data"]["values"][-1]["run"] == "run 0"
    # So many names would hide each other.
    assert not any(layer["data"]["name"] == "ends" for layer in chart.spec["layer"])


def test_names_at_the_ends_stand_apart() -> None:
    same = [Curve(f"run {number}", [(0.0, 0.0), (1.0, 1.0)], (), ["", "", ""]) for number in range(3)]
    chart = curves("c", "t", same, COLUMNS, x_axis="Step")
    heights = [label["y"] for label in chart.spec["layer"][-1]["data"]["values"]]
    assert heights == pytest.approx([1.0, 0.915, 0.83])


def test_what_answers_to_the_pointer_stays_few() -> None:
    chart = curves("c", "t", several(40, points=1000), COLUMNS, x_axis="Step")
    touched = next(layer for layer in chart.spec["layer"] if layer["data"]["name"] == "touched")
    assert len(touched["data"]["values"]) <= 40 * 10
