import json
import re
from typing import Any

import pytest

from stellwerk.uikit.charts import Bar, Chart, Contribution, bars, histogram, lines, waterfall
from tests.uikit.gallery import charts


def strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in strings(inner)]
    if isinstance(value, (list, tuple)):
        return [text for inner in value for text in strings(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", sorted(charts()))
def test_each_chart_compiles_and_has_its_table(name: str) -> None:
    vl_convert = pytest.importorskip("vl_convert")
    chart = charts()[name]
    known = re.findall(r'"([a-z0-9-]+)"', (_script().split("const TOKENS = [")[1]).split("]")[0])
    assert {text[1:] for text in strings(chart.spec) if text.startswith("@")} <= set(known)
    spec = json.loads(json.dumps({**chart.spec, "width": 500}).replace('"@', '"#'))
    if "facet" in spec:
        del spec["width"]
    assert "<svg" in vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    assert chart.rows
    assert all(len(row) == len(chart.columns) for row in chart.rows)


def _script() -> str:
    from stellwerk.uikit.assets import own_assets

    return own_assets().files["charts.js"].data.decode()


def test_bars_start_at_zero_and_show_interval_gate_and_n() -> None:
    chart = bars("a", "t", [Bar("white", 0.5, 0.4, 0.6, 120), Bar("black", 0.3)], share=True, limit=0.8)
    assert chart.rows == [["white", "50.0\u202f%", "40.0\u202f% to 60.0\u202f%", "120"],
                          ["black", "30.0\u202f%", "–", "–"], ["gate", "80.0\u202f%", "–", "–"]]
    domain = chart.spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
    assert domain[0] == 0.0
    assert domain[1] > 0.8
    assert bars("a", "t", [Bar("x", -0.2, -0.3, 0.1)]).spec["layer"][0]["encoding"]["x"]["scale"]["domain"][0] == -0.3
    assert bars("a", "t", []).rows == []


def test_names_at_line_ends_stand_apart() -> None:
    points = [(0.0, 0.0), (1.0, 1.0)]
    chart = lines("a", "t", {"one": points, "two": points, "three": points}, x_axis="x", y_axis="y")
    heights = [label["y"] for label in chart.spec["layer"][-1]["data"]["values"]]
    assert heights == pytest.approx([1.0, 0.92, 0.84])
    with pytest.raises(ValueError, match="three"):
        lines("a", "t", dict.fromkeys("abcd", points), x_axis="x", y_axis="y")


def test_the_waterfall_ends_at_base_plus_all_amounts() -> None:
    chart = waterfall("a", "t", 0.62, [Contribution("a", "1", -0.12), Contribution("b", "", 0.07)], threshold=0.65)
    steps = chart.spec["data"]["values"]
    assert [(step["from"], step["to"]) for step in steps] == [
        (0.0, 0.62), (0.62, pytest.approx(0.5)), (pytest.approx(0.5), pytest.approx(0.57)), (0.0, pytest.approx(0.57))]
    assert chart.rows == [["Usual answer", "62.0\u202f%"], ["a = 1", "−12.0\u202f%"], ["b", "+7.0\u202f%"],
                          ["This answer", "57.0\u202f%"], ["Threshold", "65.0\u202f%"]]


def test_a_histogram_has_one_count_per_bin() -> None:
    with pytest.raises(ValueError, match="2 counts for 3 bins"):
        histogram("a", "t", [0, 1, 2, 3], {"g": [1, 2]}, x_axis="x")
    one: Chart = histogram("a", "t", [0, 1, 2], {"g": [1, 2]}, x_axis="x")
    assert one.spec["width"] == "container"
    assert [row[2] for row in one.rows] == ["1", "2"]
