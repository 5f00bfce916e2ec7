"""The demo tells its story to the end where there is no network but loopback, and leaves nothing running."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
# Inside a new network namespace loopback is down at first; nothing else is there.
ALONE = """
import fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
    flags = fcntl.ioctl(probe, 0x8913, struct.pack("16sh", b"lo", 0))
    fcntl.ioctl(probe, 0x8914, struct.pack("16sh", b"lo", struct.unpack("16sh", flags[:18])[1] | 1))
try:
    socket.create_connection(("192.0.2.1", 80), timeout=2)
except OSError as error:
    assert error.errno == 101, error
else:
    raise SystemExit("the network is not blocked")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def alone() -> list[str]:
    unshare = shutil.which("unshare")
    for flags in (["--net"], ["--map-root-user", "--net"]):
        if unshare and subprocess.run([unshare, *flags, "true"], capture_output=True, check=False).returncode == 0:
            return [unshare, *flags]
    message = "no network namespace can be made here"
    if os.environ.get("STELLWERK_REQUIRE_ALL"):
        pytest.fail(message)
    pytest.skip(message)


def test_the_demo_needs_no_network(tmp_path: Path) -> None:
    home = tmp_path / "demo-home"
    done = subprocess.run(
        [*alone(), sys.executable, "-c", ALONE, "-m", "tools.demo", "--exit", "--home", str(home)], cwd=ROOT,
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "VERIFIED" in done.stdout
    assert not (home / "run" / "up.json").exists()


def test_a_stage_that_fails_fails_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from tools import demo

    monkeypatch.setattr(demo.Demo, "people", lambda self: demo.expect(False, "no people came"))
    monkeypatch.setattr(sys, "argv", ["demo", "--exit", "--home", str(tmp_path / "demo-home")])
    assert demo.main() == 1
    assert not (tmp_path / "demo-home" / "run" / "up.json").exists()
