"""The border of HTTP: what is no request, too long, too slow or too much never reaches the application."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 32 << 10
REQUEST_SECONDS = 30.0
OPEN_REQUESTS = 1024
CONNECTIONS = 4096
_WORDS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large",
          503: "Service Unavailable"}


def _problem(code: str, message: str) -> bytes:
    return msgspec.json.encode({"error_code": code, "message": message})


_NO_HTTP = _problem("invalid_parameter", "This is no HTTP request that can be read.")
_TOO_SLOW = _problem("timeout", f"The request was not whole after {REQUEST_SECONDS:g} seconds.")
_LONG_HEAD = _problem("too_large", f"Address and headers exceed {HEAD_BYTES} bytes.")
_BUSY = _problem("unavailable", "Too many requests are open at once; this one was not looked at.")


class Protocol(HttpToolsProtocol):
    """One connection: a request must be whole in time and its head short; every refusal has the one error shape."""

    request_seconds = REQUEST_SECONDS
    open_requests = OPEN_REQUESTS
    connections_at_most = CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or close it where there are too many."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._begun = self._whole = False
        self._deadline: asyncio.TimerHandle | None = None
        if len(self.connections) > self.connections_at_most:
            self.connections.discard(self)
            transport.abort()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; what is left unfinished gets a deadline."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and not self._whole and self._head_bytes > HEAD_BYTES:
            self._refuse(431, _LONG_HEAD)
        else:
            self._watch()

    def _watch(self) -> None:
        """Hold a deadline while a request is not whole; between requests the keep-alive time counts."""
        if self._whole:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.request_seconds, self._end_waiting)

    def _end_waiting(self) -> None:
        if self.transport.is_closing():
            return
        if self._in_head and self._begun:
            self._refuse(408, _TOO_SLOW)
        else:
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head, self._begun, self._whole = True, True, False

    def on_headers_complete(self) -> None:
        """Start the application, unless the head is too long or too many requests are open."""
        self._in_head, self._head_bytes = False, 0
        app = self.app
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_BYTES:
            self.app = _constant(431, _LONG_HEAD)
        elif len(self.tasks) >= self.open_requests:
            self.app = _constant(503, _BUSY)
        try:
            super().on_headers_complete()
        finally:
            self.app = app

    def on_message_complete(self) -> None:
        """End a request; the next one may follow."""
        super().on_message_complete()
        self._in_head, self._begun, self._whole = True, False, True

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP request."""
        self._refuse(400, _NO_HTTP)

    def _refuse(self, status: int, body: bytes) -> None:
        cycle = getattr(self, "cycle", None)
        # Nothing may be written into an answer that is on its way, or ahead of one that is still to come.
        if cycle is None or cycle.response_complete:
            self.transport.write(b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
                                 b"cache-control: no-store\r\nx-content-type-options: nosniff\r\n"
                                 b"connection: close\r\n\r\n%s" % (status, _WORDS[status].encode(), len(body), body))
        self.transport.close()


def _constant(status: int, body: bytes) -> Any:
    """Return an application that answers the same to everyone and closes the connection."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()),
               (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"), (b"connection", b"close")]
    if status == 503:
        headers.append((b"retry-after", b"1"))

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
