"""A real receiver of webhooks on this machine: answers as told and keeps what came."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """``answers`` are (status, headers) for the next messages, 200 for all further ones; ``hold`` keeps all waiting."""

    port: int = 0
    answers: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    seen: queue.Queue[tuple[str, Message, str]] = field(default_factory=queue.Queue)
    go_on: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?of=mine"

    def message(self) -> tuple[Message, str]:
        """Return headers and body of the next message."""
        _, headers, body = self.seen.get(timeout=30)
        return headers, body

    def all(self) -> list[tuple[str, Message, str]]:
        """Return the messages that have come."""
        found = []
        while not self.seen.empty():
            found.append(self.seen.get())
        return found


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver until the end of the block."""
    receiver = Receiver()
    receiver.go_on.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            receiver.seen.put((self.path, self.headers, body))
            receiver.go_on.wait(30)
            status, headers = receiver.answers.popleft() if receiver.answers else (200, {})
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"taken")
            except OSError:
                return

        def log_message(self, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.go_on.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
