"""Serves a home on a free port from a thread, and lets a browser in as one of its people."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from stellwerk.apps.server import create_app
from stellwerk.features.identity import make_link
from stellwerk.infra.installation import open_installation
from stellwerk.infra.settings import load_settings
from stellwerk.kernel.actor import SYSTEM

BROWSER = "/usr/bin/chromium"
BROWSER_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                   "--disable-background-networking", "--disable-component-update", "--font-render-hinting=none")


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Yield the address at which the pages of a home are served."""
    installation = open_installation(home)
    app = create_app(installation.home, load_settings(installation.home))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    # A page that follows live events keeps its connection; nobody waits for it at the end.
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1,
                                           ws="none", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
        installation.database.close()


def sign_in(page: Any, address: str, home: Path, person: str) -> None:
    """Let a Playwright page in as a person of the home, by a one-time link and its button."""
    installation = open_installation(home)
    with installation.database.write(SYSTEM) as work:
        secret = make_link(work, person)
    installation.database.close()
    page.goto(f"{address}/sign-in/link/{secret.reveal()}")
    with page.expect_navigation():
        page.get_by_role("main").get_by_role("button").first.click()
