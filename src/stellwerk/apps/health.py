"""Asking a process whether it answers, without ever blocking the one who asks."""

from __future__ import annotations

import socket
import time

_REQUEST = "GET /healthz HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
_AGAIN_SECONDS = 0.1
NEVER = float("inf")


class Probe:
    """One question to ``/healthz``: the connection waits in the listener's queue until the process answers.

    ``ask_at`` is the monotonic time at which to ask (again).
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self.healthy = False
        self.ask_at = 0.0

    def ask(self) -> socket.socket | None:
        """Send the question and return the socket on which the answer will come; None when that failed."""
        host, port = self._address
        name = f"[{host}]" if ":" in host else host
        asking = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            asking.settimeout(2.0)
            asking.connect((host, port))
            asking.sendall(_REQUEST.format(host=f"{name}:{port}").encode())
        except OSError:
            asking.close()
            self.ask_at = time.monotonic() + _AGAIN_SECONDS
            return None
        asking.setblocking(False)
        self.ask_at = NEVER
        self._socket = asking
        return asking

    def take(self) -> None:
        """Read the answer: 200 is a yes, any other end of the connection asks again a little later."""
        assert self._socket is not None
        try:
            head = self._socket.recv(64)
        except OSError:
            head = b""
        self.healthy = head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))
        self.ask_at = NEVER if self.healthy else time.monotonic() + _AGAIN_SECONDS
        self.close()

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
