"""One real gateway process: sockets that stop half-way, SIGTERM with an open request, kill -9, a held slot."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.request_check import BODY_BYTES
from stellwerk.dataplane.snapshot import Route, publish
from tests.gateway.live import BODY, PATH, model, revision, snapshot

ROOT = Path(__file__).parents[2]
CONTENT = json.dumps(BODY).encode()
HEADERS = {"Authorization": "Bearer good", "Content-Type": "application/json"}
pytestmark = pytest.mark.slow


class Process:
    """A gateway process on a socket that this one bound, as under the supervisor."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.child = subprocess.Popen(
            [sys.executable, "-m", "stellwerk.gateway", "--home", str(home), "--fd", str(self.listener.fileno())],
            pass_fds=[self.listener.fileno()], stderr=subprocess.PIPE, cwd=ROOT, env=dict(os.environ))
        self.said: list[dict[str, Any]] = []
        # Once it says that it starts, the listening socket takes whatever comes.
        self.until("gateway starts")

    def until(self, message: str) -> dict[str, Any]:
        """Read the process's log up to a message."""
        assert self.child.stderr is not None
        for line in self.child.stderr:
            self.said.append(json.loads(line))
            if self.said[-1]["message"] == message:
                return self.said[-1]
        raise AssertionError(f"the gateway ended before it said {message!r}: {self.said}")

    def connect(self) -> socket.socket:
        """Open one connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def ask(self, **body: Any) -> httpx.Response:
        """Ask for one decision."""
        return httpx.post(f"http://127.0.0.1:{self.port}{PATH}", headers=HEADERS, json={**BODY, **body}, timeout=60)

    def end(self) -> int:
        """Ask it to stop; returns its exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(60)


@contextmanager
def process(home: Path) -> Iterator[Process]:
    made = Process(home)
    try:
        yield made
    finally:
        if made.child.poll() is None:
            made.child.kill()
        made.child.communicate()
        made.listener.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    publish(tmp_path / "snapshots", snapshot(1, [revision(tmp_path)]))
    return tmp_path


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("home")
    publish(folder / "snapshots", snapshot(1, [revision(folder)]))
    with process(folder) as made:
        yield made


def head(length: int, more: str = "") -> bytes:
    return (f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer good\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n").encode()


def read_answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Read one whole answer off a connection."""
    stream = connection.makefile("rb")
    status = int(stream.readline().split()[1])
    length = 0
    while (line := stream.readline().strip()):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return status, json.loads(stream.read(length))


def test_it_decides_over_a_kept_connection(gateway: Process) -> None:
    with gateway.connect() as connection:
        for _ in range(3):
            connection.sendall(head(len(CONTENT)) + CONTENT)
            status, body = read_answer(connection)
            assert status == 200
            assert Reader(gateway.home / "decisions").by_id(body["id"]) is not None


def test_pipelined_requests_are_answered_in_order(gateway: Process) -> None:
    bodies = [json.dumps({**BODY, "subject": f"s{number}"}).encode() for number in range(4)]
    with gateway.connect() as connection:
        connection.sendall(b"".join(head(len(body)) + body for body in bodies))
        stream = connection.makefile("rb")
        found = []
        for _ in bodies:
            length = 0
            assert stream.readline().split()[1] == b"200"
            while (line := stream.readline().strip()):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            record = Reader(gateway.home / "decisions").by_id(json.loads(stream.read(length))["id"])
            assert record is not None
            found.append(record.subject)
    assert found == ["s0", "s1", "s2", "s3"]


@pytest.mark.parametrize("sent", [b"", b"P", b"POST /v1", head(len(CONTENT)), head(len(CONTENT)) + CONTENT[:10]])
def test_a_connection_closed_half_way_hurts_nobody(gateway: Process, sent: bytes) -> None:
    before = len(Reader(gateway.home / "decisions").by_time(services=None, limit=1000))
    for shut in (False, True):
        with gateway.connect() as connection:
            connection.sendall(sent)
            if shut:
                connection.shutdown(socket.SHUT_WR)
                with suppress(ConnectionError):
                    assert b" 200 " not in connection.recv(1 << 16)
    assert gateway.ask().status_code == 200
    assert len(Reader(gateway.home / "decisions").by_time(services=None, limit=1000)) == before + 1
    assert gateway.child.poll() is None


def test_a_caller_who_stops_sending_but_listens_does_not_stop_others(gateway: Process) -> None:
    with gateway.connect() as slow:
        slow.sendall(head(len(CONTENT)) + CONTENT[:10])
        assert gateway.ask().status_code == 200
        slow.sendall(CONTENT[10:])
        assert read_answer(slow)[0] == 200


@pytest.mark.parametrize("sent", [b"\x00\xff" * 50, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\r\n" * 5000,
                                  head(5).replace(b"Content-Length: 5", b"Content-Length: x") + b"{}",
                                  head(5, "Content-Length: 6\r\n") + b"{}", b"\x16\x03\x01\x02\x00\x01\x00"])
def test_what_is_no_http_is_refused(gateway: Process, sent: bytes) -> None:
    with gateway.connect() as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        with suppress(ConnectionError):
            while more := connection.recv(1 << 16):
                said += more
        assert said == b"" or said.split()[1] in (b"400", b"403", b"404", b"405")
    assert gateway.ask().status_code == 200


def test_a_declared_body_over_the_limit_is_refused_at_its_head(gateway: Process) -> None:
    with gateway.connect() as connection:
        connection.sendall(head(BODY_BYTES + 1))
        status, body = read_answer(connection)
        assert (status, body["error_code"]) == (413, "too_large")


def test_a_body_in_pieces_over_the_limit_is_refused(gateway: Process) -> None:
    start = head(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with gateway.connect() as connection:
        connection.sendall(start)
        with suppress(ConnectionError):
            for _ in range(BODY_BYTES // 0x10000 + 1):
                connection.sendall(piece)
        assert read_answer(connection)[0] == 413


def test_a_waiting_caller_is_told_to_go_on(gateway: Process) -> None:
    with gateway.connect() as connection:
        connection.sendall(head(len(CONTENT), "Expect: 100-continue\r\n"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        connection.sendall(CONTENT)
        assert read_answer(connection)[0] == 200


def test_a_key_gets_the_same_bytes_over_http(gateway: Process) -> None:
    first = gateway.ask(idempotency_key="k1")
    assert first.status_code == 200
    assert gateway.ask(idempotency_key="k1").content == first.content
    assert gateway.ask(idempotency_key="k1", subject="another").status_code == 409


@pytest.mark.parametrize("mode", ["sync", "buffered"])
def test_an_open_request_is_answered_after_sigterm(home: Path, mode: Any) -> None:
    publish(home / "snapshots", snapshot(2, [revision(home)], routes=[
        Route(service="loans", team="lending", champion="r1", mode=mode)]))
    with process(home) as running, running.connect() as connection, running.connect() as idle:
        idle.sendall(head(len(CONTENT)) + CONTENT)
        assert read_answer(idle)[0] == 200
        connection.sendall(head(len(CONTENT), "Expect: 100-continue\r\n"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100")
        running.child.send_signal(signal.SIGTERM)
        # An idle connection is closed at once: by then the process is draining.
        assert idle.recv(1) == b""
        assert running.child.poll() is None
        connection.sendall(CONTENT)
        status, body = read_answer(connection)
        assert status == 200
        assert running.child.wait(60) == 0
        # The log was closed in order: nothing is left beside the segment. (A reader makes such a file anew.)
        assert list((home / "decisions" / "0000").glob("*-wal")) == []
        assert Reader(home / "decisions").by_id(body["id"]) is not None


def test_a_killed_gateway_leaves_its_log_whole_and_its_slot_free(home: Path) -> None:
    kept = []
    for _ in range(2):
        with process(home) as running:
            kept += [running.ask().json()["id"] for _ in range(5)]
            running.child.kill()
            running.child.wait(60)
    reader = Reader(home / "decisions")
    assert reader.slots() == [0]
    assert [reader.position_of(each) for each in kept] == [(0, index) for index in range(10)]


def test_two_gateways_of_a_home_write_apart_and_share_their_keys(home: Path) -> None:
    with process(home) as one, process(home) as two:
        first = one.ask(idempotency_key="k")
        assert two.ask(idempotency_key="k").content == first.content
        assert two.ask(idempotency_key="k", subject="another").status_code == 409
        two.ask()
        assert Reader(home / "decisions").slots() == [0, 1]


def test_it_follows_what_is_published(home: Path) -> None:
    with process(home) as running:
        assert running.ask().json()["revision"] == "r1"
        publish(home / "snapshots", snapshot(2, [revision(home, "r2", version=2, data=model(-1))]))
        assert running.until("routing changed")["generation"] == 2
        assert running.ask().json()["revision"] == "r2"
        assert running.end() == 0


def test_ended_by_either_signal_it_ends_well(home: Path) -> None:
    with process(home) as running:
        assert running.ask().status_code == 200
        running.child.send_signal(signal.SIGINT)
        assert running.child.wait(60) == 0
