"""Pages of tracking in Chromium: completion, choosing rows, curves that redraw and grow, accessibility, no markup run."""

from __future__ import annotations

from typing import Any

import pytest

from stellwerk.features import experiments, runs
from stellwerk.features.identity import actor_named
from tests.browser.conftest import Enter
from tests.browser.test_pages import faults, settled
from tests.features.tracking_pages.conftest import tracked, tracked_once
from tests.pages import Sample

__all__ = ["tracked", "tracked_once"]


@pytest.fixture
def sample(tracked: Sample) -> Sample:
    return tracked


def compare(sample: Sample, count: int = 4) -> str:
    return "/runs/compare?" + "&".join(f"run={sample.ids[f'trial {number}']}" for number in range(count))


def addresses(sample: Sample) -> list[str]:
    table, run = f"/experiments/{sample.ids['experiment']}", f"/runs/{sample.ids['trial 0']}"
    return ["/experiments", f"{table}#choose-columns", f"{table}?group=params.solver&filter=params.C LIKE '%'",
            f"{compare(sample, 7)}&smooth=0.5", run, f"/runs/{sample.ids['nasty']}",
            f"{run}/artifacts?path=plots/calibration.png", "/models/mortgage-notebook/versions/2",
            f"{table}?filter=metrics.val_auc", f"{run}/artifacts?path=tables/thresholds.csv", "/models",
            "/models/mortgage-notebook"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_accessible_and_within_the_screen(enter: Enter, sample: Sample, width: int, scheme: str) -> None:
    page = enter("ben", width=width, scheme=scheme, expected=("400",))
    # On a phone the larger pages.
    for address in addresses(sample)[:None if width > 1000 else 5]:
        settled(page, address)
        if page.locator("[data-fill]").count():
            page.wait_for_selector("[data-fill] .below")
        assert faults(page) == [], address
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, address
        assert page.title() != "1"


def test_the_filter_completes_names_by_keyboard(enter: Enter, sample: Sample) -> None:
    page = enter("ben")
    page.goto(f"/experiments/{sample.ids['experiment']}")
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Filter")
    page.keyboard.type("auc")
    page.get_by_role("option", name="metrics.val_auc 25 runs").wait_for()
    page.keyboard.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == page.get_by_role("option").first.get_attribute("id")
    page.keyboard.press("Enter")
    assert field.input_value() == "metrics.val_auc "
    page.keyboard.type("> 0.86 and ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    assert not page.get_by_role("listbox").is_visible()
    page.keyboard.type("solver")
    page.get_by_role("option", name="params.solver 25 runs").click()
    page.keyboard.type("= 'ad")
    assert not page.get_by_role("listbox").is_visible()
    page.keyboard.type("am'")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert field.input_value() == "metrics.val_auc > 0.86 and params.solver = 'adam'"
    assert 0 < page.locator("tbody input[name=run]").count() < 9


def test_ticked_runs_are_compared_and_curves_redraw_in_place(enter: Enter, sample: Sample) -> None:
    page = enter("ben")
    page.goto(f"/experiments/{sample.ids['experiment']}?filter=tags.stage = 'search'&sort=run_name")
    act = page.get_by_role("button", name="Compare selected runs")
    assert act.is_disabled()
    boxes = page.locator("tbody input[name=run]")
    boxes.nth(0).click()
    boxes.nth(2).click(modifiers=["Shift"])
    assert page.get_by_text("3 selected").is_visible()
    with page.expect_navigation():
        act.click()
    page.wait_for_selector("html[data-charts=drawn]")
    lines = page.locator("#drawn-curves figure").first.locator("svg .mark-line path")
    assert lines.count() == 3
    page.evaluate("window.same = true")
    page.get_by_label("Smoothing").fill("0.9")
    page.wait_for_url("**smooth=0.9**")
    page.wait_for_selector("#drawn-curves:not([aria-busy]) svg .mark-line path")
    # Each line as logged, and smoothed above it.
    assert lines.count() == 6
    # The other forms keep what was chosen, and the page was never left.
    assert page.locator("form[data-refill=drawn-dots] input[name=smooth]").get_attribute("value") == "0.9"
    assert page.evaluate("window.same") is True
    page.get_by_label("Upwards").select_option("metrics.val_loss")
    page.wait_for_url("**y=metrics.val_loss**")
    assert "smooth=0.9" in page.url


def test_curves_of_a_run_under_way_grow_until_it_ends(enter: Enter, sample: Sample) -> None:
    installation, run = sample.home.installation, sample.ids["open run"]
    with installation.database.read() as connection:
        ben = actor_named(connection, "ben")
    page = enter("ben")
    settled(page, f"/runs/{run}")
    installation.tracking.write(lambda st: runs.log(
        st, ben, run, points=[runs.Point("val_loss", experiments.now_ms(), 38, 0.2468, 0)]))
    page.get_by_text("val_loss: from").wait_for()
    page.wait_for_selector("#latest >> text=0.2468")
    page.wait_for_selector("#drawn-curves figcaption:has-text('to 0.2468 in 39 points')")
    page.wait_for_selector("#drawn-curves svg .mark-line path")
    installation.tracking.write(lambda st: runs.update_run(st, ben, run, status="FINISHED",
                                                           end_time=experiments.now_ms()))
    page.wait_for_selector("text=Finished after")


def test_links_that_clients_print_lead_to_our_pages(enter: Enter, sample: Sample, chromium: Any, address: str) -> None:
    run, experiment = sample.ids["trial 0"], sample.ids["experiment"]
    page = enter("ben")
    for link, target in ((f"/#/experiments/{experiment}/runs/{run}", f"/runs/{run}"),
                         ("/#/models/mortgage-notebook/versions/2", "/models/mortgage-notebook/versions/2")):
        page.goto("about:blank")
        page.goto(f"{address}{link}")
        page.wait_for_url(f"{address}{target}")
    stranger = chromium.new_page()
    stranger.goto(f"{address}/#/experiments/{experiment}/runs/{run}")
    stranger.wait_for_url(f"{address}/sign-in?next=/runs/{run}")
    stranger.close()


def test_without_scripts_the_table_and_the_comparison_work(enter: Enter, sample: Sample) -> None:
    page = enter("ben", javascript=False)
    page.goto(f"/experiments/{sample.ids['experiment']}?sort=-metrics.val_auc")
    boxes: Any = page.locator("tbody input[name=run]")
    boxes.nth(0).check()
    boxes.nth(1).check()
    page.get_by_role("button", name="Compare selected runs").click()
    assert page.get_by_role("heading", name="2 runs compared").is_visible()
    assert page.locator("#drawn-curves table").first.is_visible()
    page.locator("#draw-axis").select_option("time")
    page.get_by_role("button", name="Draw").first.click()
    assert "axis=time" in page.url
