"""The commands of docs/start.md, run in order in one shell, as a new user would type them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "start.md"
BLOCK = re.compile(r"^```sh(?P<how>[ \w]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    return [(match["how"].strip(), match["text"]) for match in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


@pytest.fixture
def environment() -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("STELLWERK_")}
    return {**bare, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


@pytest.fixture
def platform(tmp_path: Path, environment: dict[str, str]) -> Iterator[Path]:
    command = next(text for how, text in blocks() if how == "background")
    process = subprocess.Popen(["bash", "-c", f"exec {command}"], cwd=tmp_path, env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (tmp_path / "home" / "run" / "up.json").exists():
        assert process.poll() is None, "the platform did not start"
        assert time.monotonic() < until, "the platform was not ready within a minute"
        time.sleep(0.05)
    yield tmp_path
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def test_every_command_works_in_order(platform: Path, environment: dict[str, str]) -> None:
    script = "set -euo pipefail\n" + "\n".join(text for how, text in blocks() if how != "background")
    done = subprocess.run(["bash", "-c", script], cwd=platform, env=environment, capture_output=True, text=True,
                          timeout=110, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "VERIFIED" in done.stdout
    assert "live" in done.stdout
