"""A server process and large files: little memory, and nothing left of what was cut off."""

from __future__ import annotations

import hashlib
import http.client
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stellwerk.features import artifacts
from stellwerk.infra.installation import open_installation
from tests.features.artifacts.conftest import PLACES
from tests.tracking.serving import Server, serving

PIECE = bytes(range(256)) * 4096
PIECES = 64
MEMORY = 24 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("streaming") / "home", "sqlite") as found:
        yield found


@pytest.fixture
def root(server: Server) -> str:
    return f"0/{server.raw('builder').run('0')}/artifacts"


def _files(server: Server) -> list[Path]:
    return sorted(path for folder in ("objects", "work") for path in (server.home / folder).rglob("*") if path.is_file())


def _memory(server: Server) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found.group(1)) << 10


def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, "it does not come to that"
        time.sleep(0.01)


def test_large_files_pass_through_little_memory(server: Server, root: str) -> None:
    raw = server.raw("builder")
    raw.send("PUT", f"{PLACES}/{root}/warm", content=PIECE * 3)
    raw.send("GET", f"{PLACES}/{root}/warm")
    before = _memory(server)
    assert raw.send("PUT", f"{PLACES}/{root}/large", content=(PIECE for _ in range(PIECES))).status_code == 200
    hasher, length = hashlib.sha256(), 0
    with raw.http.stream("GET", f"{PLACES}/{root}/large") as answer:
        assert answer.headers["content-length"] == str(len(PIECE) * PIECES)
        for part in answer.iter_raw():
            hasher.update(part)
            length += len(part)
    assert length == len(PIECE) * PIECES
    assert f'"{hasher.hexdigest()}"' == answer.headers["etag"]
    assert _memory(server) - before < MEMORY


def _half_sent(server: Server, place: str) -> socket.socket:
    """Send the head and half of the body of an upload, and return once bytes of it are on disk."""
    known = set(_files(server))
    sending = socket.create_connection(("127.0.0.1", server.port))
    sending.sendall(f"PUT {PLACES}/{place} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                    f"Authorization: Bearer {server.token('builder')}\r\nContent-Length: {len(PIECE) * 8}\r\n\r\n".encode())
    sending.sendall(PIECE * 4)
    _until(lambda: any(path.stat().st_size > len(PIECE) for path in set(_files(server)) - known))
    return sending


def test_a_caller_that_goes_away_leaves_nothing(server: Server, root: str) -> None:
    server.raw("builder").send("PUT", f"{PLACES}/{root}/a", content=b"old")
    before = _files(server)

    _half_sent(server, f"{root}/a").close()

    _until(lambda: _files(server) == before)
    assert server.raw("builder").send("GET", f"{PLACES}/{root}/a").content == b"old"


def test_a_kill_in_the_middle_leaves_nothing_and_the_old_file(server: Server, root: str) -> None:
    raw = server.raw("builder")
    raw.send("PUT", f"{PLACES}/{root}/a", content=b"before the kill")
    before = _files(server)
    sending = _half_sent(server, f"{root}/a")
    server.kill()
    sending.close()
    assert len(_files(server)) == len(before) + 1
    server.start()

    artifacts.sweep(open_installation(server.home))

    assert _files(server) == before
    assert server.raw("builder").send("GET", f"{PLACES}/{root}/a").content == b"before the kill"


def test_a_sweep_beside_an_upload_under_way_takes_nothing_of_it(server: Server, root: str) -> None:
    sending = _half_sent(server, f"{root}/a")
    assert artifacts.sweep(open_installation(server.home)) == 0
    sending.sendall(PIECE * 4)
    answer = http.client.HTTPResponse(sending)
    answer.begin()
    assert answer.status == 200
    sending.close()
    assert server.raw("builder").send("GET", f"{PLACES}/{root}/a").content == PIECE * 8


def test_others_are_answered_while_large_files_come(server: Server, root: str) -> None:
    sending = _half_sent(server, f"{root}/a")
    began = time.monotonic()
    for _ in range(20):
        server.raw("builder").get("runs/get", run_id=root.split("/")[1])
    assert time.monotonic() - began < 5
    sending.close()
