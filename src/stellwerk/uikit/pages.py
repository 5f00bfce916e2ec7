"""Rendering: a slice's templates on the common frame, with autoescape and what every page needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from stellwerk.infra.http.dependencies import current_session
from stellwerk.uikit import formats
from stellwerk.uikit.assets import own_assets

_TEMPLATES = Path(__file__).parent / "templates"
_TITLES = {401: "Please sign in", 403: "Not permitted", 404: "Nothing here", 405: "Not possible", 409: "Changed since",
           410: "Link used up", 413: "Too large", 429: "Wait a little", 500: "Something broke",
           503: "Not at this moment"}


@dataclass(frozen=True)
class NavItem:
    """An entry of the navigation; ``shortcut`` is the key after ``g``."""

    key: str
    label: str
    href: str
    shortcut: str | None = None


class Templates:
    """The templates of one slice; the frame's are found as ``uikit/…``."""

    def __init__(self, folder: Path | None = None) -> None:
        folders = [folder] if folder else []
        self.environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(place) for place in (*folders, _TEMPLATES)]),
            autoescape=select_autoescape(default=True, default_for_string=True), undefined=StrictUndefined,
            trim_blocks=True, lstrip_blocks=True, auto_reload=False)
        self.environment.filters.update(
            number=formats.number, percent=formats.percent, short_hash=formats.short_hash,
            plain_time=formats.plain_time, duration=formats.duration, size=formats.size)
        assets = own_assets()
        self.environment.globals.update(
            static=assets.url, vega=assets.vega_url, navigation=(), actor=None, csrf_token=None, section="",
            crumbs=(), wide=False, stylesheets=())

    def fragment(self, name: str, /, **context: Any) -> Markup:
        """Return a part of a page, for panels and live updates."""
        return Markup(self.environment.get_template(name).render(**context))  # noqa: S704

    def page(self, request: Request, name: str, /, *, title: str, section: str = "", status: int = 200,
             crumbs: Sequence[tuple[str, str | None]] = (), **context: Any) -> Response:
        """Return a whole page: ``section`` names its navigation entry, ``crumbs`` are (label, address or None)."""
        session = current_session(request)
        values: Mapping[str, Any] = {
            "title": title, "status": status, "section": section, "crumbs": crumbs,
            "navigation": getattr(request.app.state, "navigation", ()),
            "actor": session.actor if session else None, "csrf_token": session.csrf_token if session else None,
            **context}
        return HTMLResponse(self.environment.get_template(name).render(**values), status_code=status)


_frame: list[Templates] = []


def frame() -> Templates:
    """Return the templates of the frame alone, made at first use."""
    if not _frame:
        _frame.append(Templates())
    return _frame[0]


def error_page(request: Request, status: int, body: Mapping[str, Any]) -> Response:
    """Return an error as a page: what happened, what to do, and the error id where there is one."""
    details = body.get("details")
    return frame().page(
        request, "uikit/error.html", title=_TITLES.get(status, "Not valid"), status=status, message=body["message"],
        hint=body.get("hint"), field=body.get("field"), value=body.get("value"), allowed=body.get("allowed"),
        error_code=body["error_code"], error_id=details.get("error_id") if isinstance(details, dict) else None)
