"""The sample home served on a port, and Chromium pages that remember every complaint of the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from stellwerk.uikit.assets import own_assets
from tests.pages import Sample, made_once, sample
from tools.sample_server import BROWSER, BROWSER_OPTIONS, serving, sign_in

__all__ = ["made_once", "sample"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = not Path(BROWSER).exists() or own_assets().vega_url is None
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)
            if missing:
                item.add_marker(pytest.mark.skip(reason="needs chromium, and the Vega bundle of: "
                                                        "python -m stellwerk.uikit.bundle"))


# Not for the session: while Playwright runs, no test elsewhere could start an event loop or another one.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(BROWSER_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture
def address(sample: Sample) -> Iterator[str]:
    with serving(sample.path) as served:
        yield served


Enter = Callable[..., Any]


@pytest.fixture
def enter(chromium: Any, sample: Sample, address: str) -> Iterator[Enter]:
    """Return a function that opens a page as a person; at the end no page may have complained."""
    complaints: list[str] = []
    contexts = []

    def open_page(person: str, *, width: int = 1280, scheme: str = "light", javascript: bool = True,
                  expected: tuple[str, ...] = ()) -> Any:
        context = chromium.new_context(base_url=address, color_scheme=scheme, java_script_enabled=javascript,
                                       viewport={"width": width, "height": 844}, reduced_motion="reduce")
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" and not any(
            words in message.text for words in expected) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        sign_in(page, address, sample.path, person)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
