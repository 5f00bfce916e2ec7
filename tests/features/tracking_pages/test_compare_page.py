"""Runs side by side: what differs, curves, parallel coordinates, two columns, and what the address may say."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from stellwerk.features.identity import add_person, grant
from stellwerk.features.tracking_pages.compare_page import MOST_RUNS
from stellwerk.kernel.actor import SYSTEM
from tests.pages import Sample, Visit, Visitor


@pytest.fixture
def address(tracked: Sample) -> str:
    return "/runs/compare?" + "&".join(f"run={tracked.ids[f'trial {number}']}" for number in range(4))


def spec(page: str, chart: str) -> dict[str, Any]:
    found = re.search(rf'<script type="application/json" id="{chart}">(.*?)</script>', page, re.DOTALL)
    assert found, chart
    return dict(json.loads(found.group(1)))


def values(page: str, chart: str, layer: int = 0) -> list[dict[str, Any]]:
    return list(spec(page, chart)["layer"][layer]["data"]["values"])


def test_what_differs_stands_open_and_what_agrees_is_folded(ben: Visitor, address: str) -> None:
    page = ben.get(address).text
    assert "<strong>3 params differ</strong> (C, batch_size, solver); 2 are the same." in page
    apart, same = page.split('id="same-params"')
    assert '<th scope="row">solver</th>' in apart
    assert '<th scope="row">seed</th>' not in apart
    assert '<th scope="row">seed</th>' in same
    assert page.count("leave out</a>") == 4


def test_curves_say_what_came_of_them_and_have_their_table(ben: Visitor, address: str) -> None:
    page = ben.get(address).text
    assert re.search(r"<figcaption>val_auc ends between 0\.\d+ \(trial-0\d\) and 0\.\d+ \(trial-0\d\)", page)
    points = values(page, "curve-0")
    assert len(points) == 4 * 60
    assert {point["run"] for point in points} == {f"trial-0{number}" for number in range(4)}
    # A metric with one point is no curve.
    assert "epochs ends" not in page
    assert re.search(r'<th scope="row">trial-00</th><td class="number">60</td>', page)


def test_smoothing_and_axes_by_address(ben: Visitor, address: str) -> None:
    page = ben.get(f"{address}&m=val_loss&smooth=0.9&logy=1&logx=1").text
    raw, smooth = values(page, "curve-0"), values(page, "curve-0", 1)
    assert [point["x"] for point in raw] == [point["x"] for point in smooth]
    first = next(point["y"] for point in raw if point["run"] == "trial-00")
    assert next(point["y"] for point in smooth if point["run"] == "trial-00") == pytest.approx(first)
    assert spec(page, "curve-0")["layer"][1]["encoding"]["y"]["scale"]["type"] == "log"
    assert spec(page, "curve-0")["layer"][1]["encoding"]["x"]["scale"]["type"] == "symlog"
    assert "Smoothed with weight 0.9" in page
    assert 'id="curve-1"' not in page
    clock = ben.get(f"{address}&m=val_loss&axis=clock").text
    assert spec(clock, "curve-0")["layer"][0]["encoding"]["x"]["type"] == "temporal"
    seconds = values(ben.get(f"{address}&m=val_loss&axis=time").text, "curve-0")
    assert min(point["x"] for point in seconds) == 0


def test_what_cannot_be_drawn_is_refused(ben: Visitor, address: str) -> None:
    for odd in ("smooth=1", "smooth=nan", "smooth=x", "axis=sideways", "x=colour", "p=colour", "m=a%00b", "run=a%00b"):
        assert ben.get(f"{address}&{odd}").status_code == 400, odd


def test_parallel_coordinates_and_two_columns(ben: Visitor, tracked: Sample) -> None:
    every = "&".join(f"run={tracked.ids[f'trial {number}']}" for number in range(24))
    page = ben.get(f"/runs/compare?{every}&x=params.C&y=metrics.val_auc").text
    assert re.search(r"<figcaption>trial-\d\d has the highest val_auc: 0\.\d+", page)
    assert {point["axis"] for point in values(page, "chart-parallel", 1)} == {
        "C (log)", "batch_size", "solver", "val_loss", "val_auc"}
    assert re.search(r"<figcaption>val_auc somewhat falls with C: rank correlation −0\.\d+ over 24 runs", page)
    chosen = ben.get(f"/runs/compare?{every}&p=params.solver&p=metrics.val_loss").text
    assert re.search(r"has the lowest val_loss: 0\.\d+", chosen)
    assert "the first 6" in page.lower()


def test_hostile_names_stay_within_text_and_data(ben: Visitor, tracked: Sample) -> None:
    page = ben.get(f"/runs/compare?run={tracked.ids['nasty']}&run={tracked.ids['trial 1']}&m=val_auc").text
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "<img src=x onerror=document.title=1>" in {point["run"] for point in values(page, "curve-0")}
    assert "1 points are not finite" in page


def test_runs_of_one_name_are_told_apart(ben: Visitor, tracked: Sample) -> None:
    first, second = tracked.ids["trial 1"], tracked.ids["trial 2"]
    ben.get(f"/runs/{first}")
    assert ben.post(f"/runs/{first}/rename", name="trial-02").status_code == 303
    page = ben.get(f"/runs/compare?run={first}&run={second}").text
    assert f"trial-02 {first[:6]}" in page
    assert f"trial-02 {second[:6]}" in page


def test_one_run_alone_and_runs_that_lack_everything(ben: Visitor, tracked: Sample) -> None:
    page = ben.get(f"/runs/compare?run={tracked.ids['trial 0']}").text
    assert "1 run compared" in page
    assert "leave out</a>" not in page
    empty = ben.get(f"/runs/compare?run={tracked.ids['parent']}&run={tracked.ids['nasty']}")
    assert empty.status_code == 200
    assert "param" in empty.text


def test_which_runs_may_be_compared(ben: Visitor, tracked: Sample, visit: Visit, address: str) -> None:
    assert ben.get("/runs/compare").status_code == 400
    assert ben.get(f"/runs/compare?run={tracked.ids['trial 0']}&run={'0' * 32}").status_code == 404
    many = "&".join(f"run={number}" for number in range(MOST_RUNS + 1))
    assert ben.get(f"/runs/compare?{many}").status_code == 400
    with tracked.home.installation.database.write(SYSTEM) as work:
        add_person(work, "mia")
        grant(work, "mia", "viewer", "claims")
    assert visit("mia").get(address).status_code == 404


def test_leaving_one_out_keeps_the_rest_of_the_address(ben: Visitor, address: str) -> None:
    page = ben.get(f"{address}&smooth=0.5&x=params.C").text
    left = html.unescape(re.findall(r'<a href="([^"]+)" aria-label="Leave out trial-02">', page)[0])
    after = ben.get(left).text
    assert "3 runs compared" in after
    assert "Smoothed with weight 0.5" in after
