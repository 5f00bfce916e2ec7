"""Pages in Chromium: approving by clicks and by keys, live parts, the strict policy, accessibility, small screens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest

from stellwerk.features.releases import repository
from tests.browser.conftest import Enter
from tests.pages import Sample

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGE = "/services/mortgage-decisions/versions/2"
ADDRESSES = {
    "board": "/", "compact": "/?view=compact", "service": "/services/card-fraud",
    "version that fails": "/services/mortgage-decisions/versions/1", "version to approve": PAGE,
    "job": "/jobs/{failed}", "running job": "/jobs/{running}", "decisions": "/services/overdraft-limits/decisions",
    "decision": "/decisions/{review}"}


def state(sample: Sample) -> str:
    with sample.home.installation.database.read() as connection:
        return str(repository.of_version(connection, "mortgage-decisions", 2)[0]["state"])


def settled(page: Any, address: str) -> None:
    page.goto(address)
    if page.locator("[data-chart]").count():
        page.wait_for_selector("html[data-charts=drawn]")


def faults(page: Any) -> list[str]:
    script = Path(axe_playwright_python.__file__).parent / "axe.min.js"
    page.evaluate(script.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    return [f"{fault['id']}: {node['html'][:160]} {node['failureSummary'][:300]}" for fault in found["violations"]
            for node in fault["nodes"]]


def test_a_validator_approves_by_clicking(enter: Enter, sample: Sample) -> None:
    page = enter("vera")
    page.goto("/")
    page.get_by_role("link", name="Version 2 waits for your approval.").click()
    page.get_by_role("link", name="Approve or reject").click()
    page.get_by_label("Reason").fill("Groups and calibration looked at.")
    page.get_by_role("button", name="Approve version 2").click()
    page.wait_for_selector("text=is approved and waits for its release")
    assert state(sample) == "approved"
    assert page.get_by_text("Groups and calibration looked at.").is_visible()


def test_a_validator_approves_with_the_keyboard_alone(enter: Enter, sample: Sample) -> None:
    page = enter("vera")
    settled(page, PAGE)
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Approve or reject"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "f-reason"
    page.keyboard.type("Looked at it with care.")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert state(sample) == "approved"


def test_the_form_works_without_scripts(enter: Enter, sample: Sample) -> None:
    page = enter("vera", javascript=False)
    page.goto(PAGE)
    page.get_by_label("Reason").fill("Without scripts.")
    page.get_by_role("button", name="Reject version 2").click()
    assert state(sample) == "rejected"
    assert page.get_by_text("was rejected").first.is_visible()


def test_a_form_of_another_session_is_refused(enter: Enter, sample: Sample) -> None:
    page = enter("vera", expected=("403",))
    page.goto(PAGE)
    page.evaluate("document.querySelector('.answer-form [name=csrf_token]').value = 'another'")
    page.get_by_label("Reason").fill("Forged.")
    page.get_by_role("button", name="Approve version 2").click()
    page.wait_for_selector("text=The form does not belong to this session.")
    assert state(sample) == "candidate"


def test_the_builder_reads_why_not(enter: Enter) -> None:
    page = enter("ben")
    page.goto(PAGE)
    assert page.get_by_text("Ben Adler built this version, and four eyes must see it.").is_visible()
    assert page.get_by_role("button", name="Approve version 2").count() == 0


def test_the_board_goes_on_by_itself(enter: Enter, sample: Sample) -> None:
    page = enter("paula")
    page.goto("/")
    page.wait_for_selector("text=Version 2 waits for approval by validator.")
    sample.home.approve("mortgage-decisions", 2, "vera")
    page.wait_for_selector("text=Version 2 is approved and waits for its release.")


def test_a_job_goes_on_by_itself_to_its_end(enter: Enter, sample: Sample) -> None:
    from stellwerk.features.jobs import service as jobs
    job = sample.ids["running"]
    page = enter("ben")
    page.goto(f"/jobs/{job}")
    with sample.home.write("ben") as work:
        jobs.report(work, job, "train", "log", "fold 3 of 5 <b>done</b>")
    page.wait_for_selector("text=fold 3 of 5 <b>done</b>")
    with sample.home.write("ben") as work:
        jobs.report(work, job, "train", "done", "6 fits in 1.9 s")
        jobs.finish(work, job, "succeeded", result={"exit": 3, "outcome": "waiting", "message": "Version 1 waits."})
    page.wait_for_selector("text=waits for a person")


@pytest.mark.parametrize("name", list(ADDRESSES))
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_accessible_and_within_the_screen(enter: Enter, sample: Sample, name: str, width: int, scheme: str) -> None:
    page = enter("vera", width=width, scheme=scheme)
    settled(page, ADDRESSES[name].format(**sample.ids))
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_names_with_markup_run_nothing(enter: Enter, sample: Sample) -> None:
    sample.home.ship("nasty", "'<img src=x onerror=document.title=1>'")
    page = enter("vera")
    for address in ("/", "/services/nasty", "/services/nasty/versions/1"):
        page.goto(address)
        assert page.get_by_text("<img src=x").first.is_visible()
        assert page.title() != "1"


def test_a_version_prints_with_its_evidence(enter: Enter) -> None:
    page = enter("vera")
    settled(page, PAGE)
    page.emulate_media(media="print")
    assert not page.locator(".nav").is_visible()
    assert page.get_by_text("Selection rate ratio by race").first.is_visible()
    assert len(page.pdf(format="A4")) > 20_000
