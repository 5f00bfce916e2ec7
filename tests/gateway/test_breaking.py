"""A process that cannot do its work any more ends, so that another can be started; what it logs are JSON lines."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from stellwerk.dataplane.snapshot import publish
from tests.gateway.live import BODY, PATH, revision, snapshot

pytestmark = pytest.mark.slow
RUN = "import sys, logging; from stellwerk.gateway import __main__ as gateway; {}; gateway.main()"
DEAD_WRITER = "gateway.Writer._write = lambda *given: dict()[0]"


def start(home: Path, listener: socket.socket, patch: str) -> subprocess.Popen[bytes]:
    publish(home / "snapshots", snapshot(1, [revision(home)]))
    return subprocess.Popen([sys.executable, "-c", RUN.format(patch), "--home", str(home), "--fd",
                             str(listener.fileno())], pass_fds=[listener.fileno()], stderr=subprocess.PIPE)


def test_without_its_writer_it_refuses_and_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = start(tmp_path, listener, DEAD_WRITER)
        refused = httpx.post(f"http://127.0.0.1:{listener.getsockname()[1]}{PATH}", json=BODY,
                             headers={"Authorization": "Bearer good"}, timeout=60)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 1
    assert b"the gateway ends: its records cannot be kept" in errors


@pytest.mark.parametrize("patch", [
    "gateway.Updates.follow = broken", "gateway.Updates.look = broken_look"])
def test_when_it_cannot_follow_releases_it_ends(tmp_path: Path, patch: str) -> None:
    code = f"""
import asyncio
from stellwerk.gateway import __main__ as gateway
look, looks = gateway.Updates.look, []
async def broken(self):
    raise LookupError("gone")
def broken_look(self):
    looks.append(1)
    if len(looks) > 1:
        raise LookupError("gone")
    look(self)
{patch}
gateway.main()
"""
    publish(tmp_path / "snapshots", snapshot(1, [revision(tmp_path)]))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = subprocess.run([sys.executable, "-c", code, "--home", str(tmp_path), "--fd", str(listener.fileno())],
                              pass_fds=[listener.fileno()], stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert any("releases cannot be followed: LookupError('gone')" in line["message"] for line in lines)


def test_what_libraries_log_are_lines_of_json(tmp_path: Path) -> None:
    code = """
import logging
from stellwerk.gateway import __main__ as gateway
gateway._configure_logging()
logging.getLogger("some.library").warning("odd\\x1b[31m\\nthing")
logging.getLogger("some.library").info("chatter")
logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
try:
    raise KeyError("x")
except KeyError:
    logging.getLogger("uvicorn.error").exception("fault")
"""
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, timeout=60, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [(line["level"], line["logger"], line["message"], line.get("error")) for line in lines] == [
        ("warning", "some.library", "odd\x1b[31m\nthing", None), ("error", "uvicorn.error", "fault", "KeyError: 'x'")]
    assert b"\x1b" not in done.stderr
