"""Running the commands of a page of the docs, in order, in one shell, as a new user would type them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```sh(?P<how>[ \w]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str) -> list[tuple[str, str]]:
    """Return the blocks of shell commands of a page, each with the word behind ``sh``."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [(match["how"].strip(), match["text"]) for match in _BLOCK.finditer(text)]


def environment() -> dict[str, str]:
    """Return the environment of a new user: no settings of ours, the project's own Python first on the path."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("STELLWERK_", "MLFLOW_"))}
    return {**bare, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@contextmanager
def platform(page: str, folder: Path) -> Iterator[None]:
    """Start what the page starts in the background and stop it at the end."""
    command = next(text for how, text in blocks(page) if how == "background")
    process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=folder, env=environment(),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (folder / "home" / "run" / "up.json").exists():
        assert process.poll() is None, "the platform did not start"
        assert time.monotonic() < until, "the platform was not ready within a minute"
        time.sleep(0.05)
    yield
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def run_page(page: str, folder: Path) -> str:
    """Run all blocks of a page and return what they printed; fails with it when a command fails."""
    with platform(page, folder):
        script = "set -euo pipefail\n" + "\n".join(text for how, text in blocks(page) if how != "background")
        shell = subprocess.Popen(["bash", "-c", script], cwd=folder, env=environment(), stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, start_new_session=True)
        try:
            out, err = shell.communicate(timeout=110)
        finally:
            # Whatever a page starts in its shell ends with it, also after a failure.
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)
        assert shell.returncode == 0, out[-3000:] + err[-3000:]
        return out
