"""Screenshots of the pages at 1440 and 390 px, light and dark: ``python -m tools.screenshots [OUT] [--only TEXT]``.

They show a home with sample content, made for them and thrown away. The README's two pictures are
``board-wide-light`` and ``decision-selected-wide-light``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.sample_home import SampleHome, fill
from tools.sample_server import BROWSER, BROWSER_OPTIONS, serving, sign_in
from tools.sample_tracking import fill_tracking

WIDTHS = {"wide": (1440, 900), "phone": (390, 844)}
SCHEMES: tuple[Any, ...] = ("light", "dark")


@dataclass(frozen=True)
class Shot:
    """One page: the name of its file, its address, and who looks; nobody looks signed out."""

    name: str
    path: str
    person: str | None = "vera"
    status: int = 200


def sample_shots(ids: dict[str, str]) -> list[Shot]:
    """Return the pages of the sample home."""
    return [
        Shot("sign-in", "/sign-in", None), Shot("board", "/"), Shot("board-compact", "/?view=compact"),
        Shot("service", "/services/mortgage-decisions"),
        Shot("version-fails", "/services/mortgage-decisions/versions/1"),
        Shot("version-to-approve", "/services/mortgage-decisions/versions/2"),
        Shot("version-refused", "/services/mortgage-decisions/versions/2", "ben"),
        Shot("version-canary", "/services/card-fraud/versions/2", "olga"),
        Shot("job-running", f"/jobs/{ids['running']}"),
        Shot("job-failed", f"/jobs/{ids['failed']}"), Shot("decisions", "/services/overdraft-limits/decisions"),
        Shot("decision-review", f"/decisions/{ids['review']}"),
        Shot("decision-selected", f"/decisions/{ids['selected']}"), *tracking_shots(ids)]


def tracking_shots(ids: dict[str, str]) -> list[Shot]:
    """Return the pages of tracking."""
    table, run = f"/experiments/{ids['experiment']}", f"/runs/{ids['trial 0']}"
    compared = "/runs/compare?" + "&".join(f"run={ids[f'trial {number}']}" for number in range(5))
    return [
        Shot("experiments", "/experiments", "ben"), Shot("runs", f"{table}?sort=-metrics.val_auc", "ben"),
        Shot("runs-filter-refused", f"{table}?filter=metrics.val_auc", "ben", status=400),
        Shot("runs-grouped", f"{table}?group=params.solver&sort=-metrics.val_auc", "ben"),
        Shot("runs-compared", f"{compared}&smooth=0.5", "ben"), Shot("run", run, "ben"),
        Shot("run-under-way", f"/runs/{ids['open run']}", "ben"), Shot("run-nested", f"/runs/{ids['parent']}", "ben"),
        Shot("artifact-image", f"{run}/artifacts?path=plots/calibration.png", "ben"),
        Shot("artifact-table", f"{run}/artifacts?path=tables/thresholds.csv", "ben"),
        Shot("models", "/models", "ben"), Shot("model", "/models/mortgage-notebook", "ben"),
        Shot("model-version", "/models/mortgage-notebook/versions/2", "ben")]


def take(address: str, home: Path, shots: list[Shot], out: Path, only: str = "") -> Iterator[Path]:
    """Take every shot in both widths and schemes; yields the files."""
    from playwright.sync_api import sync_playwright

    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=list(BROWSER_OPTIONS))
        for person in dict.fromkeys(shot.person for shot in shots if only in shot.name):
            for scheme in SCHEMES:
                context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")
                page = context.new_page()
                page.on("pageerror", _fail)
                if person is not None:
                    sign_in(page, address, home, person)
                for shot in (shot for shot in shots if shot.person == person and only in shot.name):
                    for width, (pixels, height) in WIDTHS.items():
                        page.set_viewport_size({"width": pixels, "height": height})
                        yield _shoot(page, address + shot.path, out / f"{shot.name}-{width}-{scheme}.png", shot.status)
                context.close()
        browser.close()


def _fail(error: Any) -> None:
    raise SystemExit(f"a script of the page failed: {error}")


def _shoot(page: Any, address: str, file: Path, status: int) -> Path:
    # Not "networkidle": pages that follow live events are never idle.
    response = page.goto(address, wait_until="load")
    if response.status != status:
        raise SystemExit(f"{address} answers {response.status}")
    if page.locator("[data-chart]").count():
        page.wait_for_selector("html[data-charts=drawn]", timeout=20_000)
    if page.locator("[data-fill]").count():
        page.wait_for_selector("[data-fill]:not([aria-busy])")
    page.wait_for_timeout(150)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 0:
        print(f"  {file.name}: {overflow} px wider than the screen")
    page.screenshot(path=str(file), full_page=True)
    return file


def main() -> int:
    """Take the screenshots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, default=Path("test-results/screenshots"))
    parser.add_argument("--only", default="", help="take only pages whose name contains this")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = SampleHome(Path(folder))
        shots = sample_shots(fill(home) | fill_tracking(home.installation))
        with serving(home.installation.home.path) as address:
            for file in take(address, home.installation.home.path, shots, chosen.out, chosen.only):
                print(file)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
