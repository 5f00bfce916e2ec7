"""A small HTTP server whose answers a test sets, for the client and the command line."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DROP = object()


class FakeServer:
    """Answers by ``routes[(method, path)]``: a function of (query, body) that returns (status, body) or DROP."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Callable] = {}
        self.seen: list[tuple[str, str, dict, bytes, dict]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.seen.append((self.command, parts.path, query, body, dict(self.headers)))
                route = outer.routes.get((self.command, parts.path))
                answer = route(query, body) if route else (404, {"error_code": "not_found", "message": "nothing here"})
                if answer is DROP:
                    self.close_connection = True
                    return
                status, content = answer
                data = content if isinstance(content, bytes) else json.dumps(content).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_HEAD = handle_any

            def log_message(self, *arguments) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
