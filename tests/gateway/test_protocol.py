"""The border of HTTP on a real socket: no request, too long, too slow, too many."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from stellwerk.gateway.protocol import HEAD_BYTES, Protocol

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Served:
    """An application behind the protocol, which can be held."""

    def __init__(self, protocol: type[Protocol]) -> None:
        self.asked: list[str] = []
        self.entered = threading.Semaphore(0)
        self.hold = False
        self.go_on = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(uvicorn.Config(
            self.app, interface="asgi3", http=protocol, lifespan="off", ws="none", log_config=None, access_log=False,
            timeout_keep_alive=60))
        self.thread = threading.Thread(target=lambda: asyncio.run(self.server.serve(sockets=[self.listener])))
        self.thread.start()

    async def app(self, scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        self.asked.append(scope["path"])
        size = 0
        while True:
            message = await receive()
            size += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        self.entered.release()
        if self.hold:
            await asyncio.to_thread(self.go_on.wait, 20)
        body = str(size).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [
            (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    def connect(self) -> socket.socket:
        return socket.create_connection(self.listener.getsockname(), timeout=20)

    def talk(self, sent: bytes) -> bytes:
        """Send bytes and return all that comes until the other side closes."""
        with self.connect() as connection:
            connection.sendall(sent)
            return drain(connection)


def drain(connection: socket.socket) -> bytes:
    found = b""
    while True:
        try:
            piece = connection.recv(1 << 16)
        except ConnectionResetError:
            return found
        if not piece:
            return found
        found += piece


def one_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Read one answer off a connection that stays open."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += connection.recv(1)
    length = int(found.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return int(found.split()[1]), body


def parts(answer: bytes) -> tuple[int, dict[str, Any]]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/json" in head
    assert b"connection: close" in head
    return int(head.split()[1]), json.loads(body)


@contextmanager
def served(**changes: Any) -> Iterator[Served]:
    made = Served(type("Changed", (Protocol,), changes))
    try:
        yield made
    finally:
        made.go_on.set()
        made.server.should_exit = True
        made.thread.join()
        made.listener.close()


@pytest.fixture(scope="module")
def usual() -> Iterator[Served]:
    with served() as made:
        yield made


@pytest.fixture(scope="module")
def hasty() -> Iterator[Served]:
    with served(request_seconds=0.2) as made:
        yield made


@pytest.mark.parametrize("sent", [
    b"nonsense\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"])
def test_what_is_no_request_is_refused_in_the_one_shape(usual: Served, sent: bytes) -> None:
    asked = len(usual.asked)
    status, body = parts(usual.talk(sent))
    assert (status, body["error_code"]) == (400, "invalid_parameter")
    assert len(usual.asked) == asked


@pytest.mark.parametrize("sent", [
    b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_BYTES + b"\r\n\r\n", b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * (HEAD_BYTES // 6 + 1) + b"\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 4 * HEAD_BYTES, b"GET /" + b"a" * 4 * HEAD_BYTES])
def test_a_head_that_is_too_long_is_refused_whole_or_not(usual: Served, sent: bytes) -> None:
    asked = len(usual.asked)
    status, body = parts(usual.talk(sent))
    assert (status, body["error_code"]) == (431, "too_large")
    assert len(usual.asked) == asked


def test_a_long_body_behind_a_short_head_is_taken(usual: Served) -> None:
    size = 8 * HEAD_BYTES
    with usual.connect() as connection:
        for _ in range(2):
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            assert one_answer(connection) == (200, str(size).encode())


@pytest.mark.parametrize("sent", [b"G", b"GET / HTTP/1.1\r\nHost: loc", GET + GET[:9]])
def test_a_head_that_does_not_come_is_not_waited_for(hasty: Served, sent: bytes) -> None:
    answers = hasty.talk(sent)
    assert b" 408 " in answers
    assert json.loads(answers.rpartition(b"\r\n\r\n")[2])["error_code"] == "timeout"
    assert (b" 200 " in answers) == sent.startswith(GET)


@pytest.mark.parametrize("sent", [b"", b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"])
def test_a_connection_that_says_nothing_more_is_closed(hasty: Served, sent: bytes) -> None:
    assert hasty.talk(sent) == b""


def test_a_whole_request_has_all_the_time_it_takes() -> None:
    with served(request_seconds=0.01) as made, made.connect() as connection:
        made.hold = True
        connection.sendall(GET)
        assert made.entered.acquire(timeout=20)
        # Another connection meets its deadline meanwhile.
        assert made.talk(b"") == b""
        made.go_on.set()
        assert one_answer(connection)[0] == 200


def test_too_many_open_requests_are_told_when_to_come_back() -> None:
    with served(open_requests=2) as made:
        made.hold = True
        held = [made.connect() for _ in range(2)]
        for connection in held:
            connection.sendall(GET)
            assert made.entered.acquire(timeout=20)
        answer = made.talk(GET)
        assert b"retry-after: 1" in answer
        assert parts(answer)[0] == 503
        made.go_on.set()
        for connection in held:
            assert one_answer(connection)[0] == 200
            connection.close()


def test_too_many_connections_are_closed_at_once() -> None:
    with served(connections_at_most=1) as made, made.connect() as first:
        first.sendall(GET)
        assert one_answer(first)[0] == 200
        assert made.talk(b"") == b""
        first.sendall(GET)
        assert one_answer(first)[0] == 200
