"""The client of both sides: one raw keep-alive connection, one call at a time, every answer checked."""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlencode

BASE = "/api/2.0/mlflow/"
_ROOM = 1 << 16


class WrongAnswer(Exception):
    """A server answered something else than 2xx, or not what was asked for."""


def encode(method: str, path: str, token: str | None, body: object = None) -> bytes:
    """Return a whole request; ``path`` is one of the API, such as ``runs/create``."""
    payload = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [f"{method} {BASE}{path} HTTP/1.1", "Host: localhost", "Accept: */*"]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(payload)}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + payload


class Client:
    """One connection to one server; ``spent`` is the time of the last call in seconds."""

    def __init__(self, port: int, token: str | None = None, timeout: float = 300) -> None:
        self.port, self.token, self.timeout = port, token, timeout
        self.spent = 0.0
        self._socket: socket.socket | None = None

    def reconnect(self) -> None:
        """Open the connection anew: servers close one that was idle for some seconds."""
        self.close()
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=self.timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def post(self, path: str, body: object) -> dict[str, Any]:
        """Post one body and return the answer."""
        return self._parsed(self.send(encode("POST", path, self.token, body)))

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """Get one address and return the answer."""
        return self._parsed(self.send(encode("GET", f"{path}?{urlencode(query)}", self.token)))

    def send(self, request: bytes) -> bytes:
        """Send a request that was made before, measure until its whole answer is here, return the answer's body."""
        if self._socket is None:
            self.reconnect()
        connection = self._socket
        assert connection is not None
        started = time.perf_counter()
        connection.sendall(request)
        head, body = _answer(connection)
        self.spent = time.perf_counter() - started
        if head[8:10] != b" 2":
            first = request.split(b"\r\n", 1)[0].decode()
            raise WrongAnswer(f"{first}: {head.splitlines()[0].decode()} {body[:500].decode(errors='replace')}")
        if b"connection: close" in head.lower():
            self.close()
        return body

    @staticmethod
    def _parsed(body: bytes) -> dict[str, Any]:
        found = json.loads(body)
        if not isinstance(found, dict):
            raise WrongAnswer(f"not an object: {body[:200]!r}")
        return found


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _more(connection)
    head, rest = bytes(data[:end]), data[end + 4:]
    low = head.lower()
    if b"transfer-encoding: chunked" in low:
        return head, _chunked(connection, rest)
    length = int(low.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    while len(rest) < length:
        rest += _more(connection)
    return head, bytes(rest)


def _chunked(connection: socket.socket, data: bytearray) -> bytes:
    body = bytearray()
    at = 0
    while True:
        while (line := data.find(b"\r\n", at)) < 0:
            data += _more(connection)
        size = int(data[at:line].split(b";")[0], 16)
        end = line + 2 + size
        while len(data) < end + 2:
            data += _more(connection)
        if size == 0:
            return bytes(body)
        body += data[line + 2:end]
        at = end + 2


def acknowledge_at_once(connection: socket.socket) -> None:
    """Do not let a server that sends head and body apart wait 40 ms for our side; stock clients escape that mostly."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _more(connection: socket.socket) -> bytes:
    acknowledge_at_once(connection)
    found = connection.recv(_ROOM)
    if not found:
        raise WrongAnswer("the server closed the connection in the middle of an answer")
    return found
