"""``stellwerk up``: ready, alone on its home, restarting what dies, stopping all; bad days say the way out."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
_LONGEST = 60


def up(home: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-m", "stellwerk.cli", "up", "--home", str(home), *options],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)


def wait_until(holds: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + _LONGEST
    while not holds():
        assert time.monotonic() < until, f"{what} did not come within {_LONGEST} s"
        time.sleep(0.02)


def running(home: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((home / "run" / "up.json").read_text())
    return found


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def processes(home: Path) -> dict[str, int]:
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if str(home) in words and "-m" in words:
            found[words[words.index("-m") + 1]] = int(entry.name)
    return found


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def platform(home: Path) -> Iterator[subprocess.Popen[str]]:
    process = up(home, "--port", "0", "--gateway-port", "0")
    wait_until(lambda: (home / "run" / "up.json").exists() or process.poll() is not None, "readiness")
    assert process.poll() is None, process.stdout.read() if process.stdout else ""
    yield process
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=_LONGEST)


def test_all_answers_and_sigterm_stops_all_cleanly(platform: subprocess.Popen[str], home: Path) -> None:
    facts = running(home)
    assert answers(f"{facts['url']}/healthz")
    assert answers(f"{facts['gateway_url']}/healthz")
    assert {"stellwerk.apps.server", "stellwerk.apps.worker", "stellwerk.gateway"} <= set(processes(home))
    platform.send_signal(signal.SIGTERM)
    assert platform.wait(timeout=_LONGEST) == 0
    assert processes(home) == {}
    assert not (home / "run" / "up.json").exists()


def test_the_first_start_prints_a_link_and_a_second_up_says_who_runs(platform: subprocess.Popen[str],
                                                                     home: Path) -> None:
    second = up(home)
    said = second.communicate(timeout=_LONGEST)[0]
    assert second.returncode == 1
    assert running(home)["url"] in said or str(running(home)["pid"]) in said
    platform.send_signal(signal.SIGINT)
    first = platform.communicate(timeout=_LONGEST)[0]
    assert "/sign-in/link/" in first


@pytest.mark.parametrize("name", ["stellwerk.apps.server", "stellwerk.apps.worker", "stellwerk.gateway"])
def test_what_dies_is_started_again(platform: subprocess.Popen[str], home: Path, name: str) -> None:
    before = processes(home)[name]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: processes(home).get(name, before) != before, f"a new {name}")
    facts = running(home)
    wait_until(lambda: answers(f"{facts['url']}/healthz") and answers(f"{facts['gateway_url']}/healthz"), "answers")


def test_children_die_with_a_killed_supervisor(home: Path) -> None:
    process = up(home, "--port", "0", "--gateway-port", "0")
    wait_until(lambda: (home / "run" / "up.json").exists(), "readiness")
    supervisor = int(running(home)["pid"])
    os.kill(supervisor, signal.SIGKILL)
    process.wait(timeout=_LONGEST)
    wait_until(lambda: processes(home) == {}, "the end of all")


def test_a_taken_port_is_named(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = up(home, "--port", port, "--gateway-port", "0")
        said = process.communicate(timeout=_LONGEST)[0]
    assert process.returncode == 1
    assert port in said
    assert "--port" in said


def test_a_home_from_a_newer_release_is_refused(home: Path) -> None:
    from stellwerk.apps.prepare import prepare_home

    prepare_home(home)
    with sqlite3.connect(home / "control.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    process = up(home, "--port", "0", "--gateway-port", "0")
    said = process.communicate(timeout=_LONGEST)[0]
    assert process.returncode == 1
    assert "newer release" in said
