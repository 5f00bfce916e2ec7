"""The gallery in Chromium: drawn under the strict policy, accessible, within the screen, usable by keys."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stellwerk.apps.prepare import prepare_home
from stellwerk.apps.server import create_app
from stellwerk.features import identity
from stellwerk.infra.database import Database
from stellwerk.infra.settings import Home, Settings
from stellwerk.kernel.actor import SYSTEM
from stellwerk.uikit.assets import own_assets
from tests.uikit.gallery import gallery_routes

CHROMIUM = shutil.which("chromium")
pytestmark = [pytest.mark.browser,
              pytest.mark.skipif(CHROMIUM is None or own_assets().vega_url is None,
                                 reason="needs chromium, and the Vega bundle of: python -m stellwerk.uikit.bundle")]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    import uvicorn

    home = Home(tmp_path_factory.mktemp("home"))
    prepare_home(home.path)
    database = Database(home.control)
    with database.write(SYSTEM) as work:
        identity.add_person(work, "vera", "Vera Vogt")
        identity.grant(work, "vera", "validator", "lending")
        secret = identity.make_link(work, "vera").reveal()
    app = create_app(home, Settings(), more=(gallery_routes(),))
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", secret
    server.should_exit = True
    thread.join(20)
    database.close()


@pytest.fixture(scope="module")
def signed_in(base: tuple[str, str]) -> Iterator[tuple[Any, Any]]:
    from playwright.sync_api import sync_playwright

    address, secret = base
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(base_url=address)
        page = context.new_page()
        page.goto(f"/sign-in/link/{secret}")
        page.keyboard.press("Enter")
        page.wait_for_url("**/account")
        state = context.storage_state()
        yield browser, {"base_url": address, "storage_state": state}
        browser.close()


def opened(signed_in: tuple[Any, Any], path: str, width: int, scheme: str) -> tuple[Any, list[str]]:
    browser, options = signed_in
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path)
    return page, said


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_gallery_is_drawn_accessible_and_within_the_screen(signed_in: tuple[Any, Any], scheme: str,
                                                               width: int) -> None:
    page, said = opened(signed_in, "/gallery", width, scheme)
    page.wait_for_selector("html[data-charts=drawn]")
    assert page.locator(".chart-canvas svg").count() == 4
    assert page.locator(".chart-table[open]").count() == 0
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    import axe_playwright_python

    axe = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text()
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", RULES)
    assert [(item["id"], [node["target"] for node in item["nodes"]]) for item in found["violations"]] == []
    page.context.close()


def test_keys_help_and_go(signed_in: tuple[Any, Any]) -> None:
    page, _ = opened(signed_in, "/gallery", 1440, "light")
    page.keyboard.press("?")
    assert page.locator("dialog[open] h2").inner_text() == "Keys"
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")
    page.keyboard.press("a")
    assert page.evaluate("document.activeElement.textContent") == "Approve version 2"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.context.close()


def test_without_scripts_the_tables_stand_in_for_charts(signed_in: tuple[Any, Any]) -> None:
    browser, options = signed_in
    context = browser.new_context(java_script_enabled=False, **options)
    page = context.new_page()
    page.goto("/gallery")
    assert page.locator(".chart-table[open] table").count() == 4
    assert "24 Nov 2026, 08:11 UTC" in page.inner_text(".margin")
    context.close()
