"""The signal board as the home page, drawn on the server and kept live by server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from stellwerk.features.board.service import Wish, board
from stellwerk.infra.http.changes import SIGN_OF_LIFE, changes
from stellwerk.infra.http.dependencies import CurrentActor, CurrentInstallation, ReadConnection
from stellwerk.infra.http.routing import page_routes
from stellwerk.infra.installation import Installation
from stellwerk.kernel import clock
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.route import allow
from stellwerk.uikit import Templates
from stellwerk.uikit.live import event, live_response

pages = page_routes(tag="board")
_templates = Templates(Path(__file__).parent / "templates")
Text = Annotated[str, Query(max_length=100)]


@pages.get("/", allow("services.read"))
def board_page(request: Request, actor: CurrentActor, connection: ReadConnection, q: Text = "", team: Text = "",
               sort: Text = "need", view: Text = "auto") -> Response:
    """Show every service as a line, those that need the reader first."""
    wish = Wish(text=q, team=team, sort=sort, view=view)
    drawn = board(connection, actor, wish, clock.to_us(clock.now()))
    lines = _templates.fragment("lines.html", board=drawn)
    # What is on the page is named, so that nothing between the page and its stream is missed.
    live = "/board/live?" + urlencode({"q": q, "team": team, "sort": sort, "view": view, "seen": _mark(lines)})
    return _templates.page(request, "board.html", title="Signal board", section="services", board=drawn, live=live,
                           lines=lines, stylesheets=["board.css"])


@pages.get("/board/live", allow("services.read"))
def board_live(actor: CurrentActor, installation: CurrentInstallation, q: Text = "", team: Text = "",
               sort: Text = "need", view: Text = "auto", seen: Text = "") -> Response:
    """Send the lines anew whenever they look different."""
    return live_response(_lines(installation, actor, Wish(text=q, team=team, sort=sort, view=view), seen))


def _mark(lines: str) -> str:
    return sha256_hex(lines.encode())[:16]


async def _lines(installation: Installation, actor: Actor, wish: Wish, seen: str) -> AsyncIterator[bytes]:
    async for changed in changes(installation.home.control):
        lines = await run_in_threadpool(_draw, installation, actor, wish) if changed else None
        if lines is not None and _mark(lines) != seen:
            seen = _mark(lines)
            yield event("fragment", lines)
        else:
            yield SIGN_OF_LIFE


def _draw(installation: Installation, actor: Actor, wish: Wish) -> str:
    with installation.database.read() as connection:
        drawn = board(connection, actor, wish, clock.to_us(clock.now()))
        return str(_templates.fragment("lines.html", board=drawn))
