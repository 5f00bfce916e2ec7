"""Pages: sign in by password or one-time link, the account with its password, sign out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from stellwerk.features.identity import repository, sessions, tables
from stellwerk.features.identity.api import LINK_PATH
from stellwerk.features.identity.attempts import TooManyAttempts
from stellwerk.features.identity.passwords import MINIMUM
from stellwerk.infra.http.admission import cookie_name
from stellwerk.infra.http.dependencies import (
    CurrentActor,
    CurrentInstallation,
    CurrentSession,
    ReadConnection,
    WriteWork,
)
from stellwerk.infra.http.routing import page_routes
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow, public
from stellwerk.kernel.secret import Secret
from stellwerk.uikit import Templates

pages = page_routes(tag="identity")
_templates = Templates(Path(__file__).parent / "templates")
_ANYONE = allow("services.read")


def safe_target(target: str) -> str:
    """Return an address within this installation to go on to, or the home page for anything else."""
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return target if inside and target.isprintable() and "\\" not in target and len(target) <= 500 else "/"


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _with_cookie(request: Request, response: Response, cookie: Secret) -> Response:
    response.set_cookie(cookie_name(request), cookie.reveal(), max_age=sessions.SESSION_HOURS * 3600, path="/",
                        httponly=True, samesite="lax", secure=request.url.scheme == "https")
    return response


@pages.get("/sign-in", public("nobody is signed in yet"))
def sign_in_page(request: Request, session: CurrentSession,
                 target: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Show the form; who is signed in goes on at once."""
    if session is not None:
        return RedirectResponse(safe_target(target), 303)
    return _templates.page(request, "sign_in.html", title="Sign in", target=safe_target(target), name="", fault=None)


@pages.post("/sign-in", public("nobody is signed in yet"))
def sign_in(request: Request, installation: CurrentInstallation, name: Annotated[str, Form(max_length=200)],
            password: Annotated[str, Form(max_length=1000)],
            target: Annotated[str, Form(alias="next", max_length=500)] = "/") -> Response:
    """Check name and password; a wrong pair shows the form again."""
    try:
        cookie = sessions.sign_in(installation.database, name, Secret(password), _address(request))
    except (sessions.SignInFailed, TooManyAttempts) as error:
        response = _templates.page(request, "sign_in.html", title="Sign in", status=error.status,
                                   target=safe_target(target), name=name[:63], fault=error)
        if isinstance(error, TooManyAttempts):
            response.headers["Retry-After"] = str(error.retry_after)
        return response
    return _with_cookie(request, RedirectResponse(safe_target(target), 303), cookie)


@pages.get(LINK_PATH + "{secret}", public("the link itself is the credential"))
def link_page(request: Request, secret: str, connection: ReadConnection) -> Response:
    """Show the button that uses the link; looking alone uses nothing, so mail scanners do no harm."""
    owner = sessions.link_owner(connection, Secret(secret))
    return _templates.page(request, "link.html", title=f"Welcome, {owner}", secret=secret)


@pages.post("/sign-in/link", public("the link itself is the credential"))
def use_link(request: Request, installation: CurrentInstallation,
             secret: Annotated[str, Form(max_length=200)]) -> Response:
    """Consume the link and open a session; who has no password yet is asked to set one."""
    cookie = sessions.use_link(installation.database, Secret(secret))
    with installation.database.read() as connection:
        opened = sessions.session_of_cookie(connection, cookie)
        owner = repository.by_id(connection, tables.person, opened.actor.id) if opened else None
    first = owner is not None and owner["password_hash"] is None
    return _with_cookie(request, RedirectResponse("/account" if first else "/", 303), cookie)


@pages.post("/sign-out", _ANYONE)
def sign_out(request: Request, session: CurrentSession, work: WriteWork) -> Response:
    """End this session."""
    assert session is not None
    sessions.sign_out(work, session.session_id)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="lax",
                           secure=request.url.scheme == "https")
    return response


@pages.get("/account", _ANYONE)
def account_page(request: Request, actor: CurrentActor, session: CurrentSession, connection: ReadConnection,
                 saved: bool = False) -> Response:
    """Show roles, and the form that sets the password."""
    assert session is not None
    return _account(request, session.session_id, actor, connection, saved=saved, fault=None, status=200)


def _account(request: Request, session_id: str, actor: CurrentActor, connection: ReadConnection, *, saved: bool,
             fault: BadInput | sessions.SignInFailed | TooManyAttempts | None, status: int) -> Response:
    owner = repository.by_id(connection, tables.person, actor.id)
    assert owner is not None
    roles = sorted((role.replace("_", " "), team) for team, role in actor.roles)
    return _templates.page(
        request, "account.html", title=actor.name, section="account", status=status, person_name=owner["name"],
        has_password=owner["password_hash"] is not None, roles=roles, minimum=MINIMUM, saved=saved, fault=fault,
        asks_current=sessions.needs_current_password(connection, session_id))


@pages.post("/account/password", _ANYONE)
def set_password(request: Request, actor: CurrentActor, session: CurrentSession, installation: CurrentInstallation,
                 new_password: Annotated[str, Form(max_length=1000)],
                 current_password: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Set the password and end the person's other sessions."""
    assert session is not None
    try:
        sessions.set_password(installation.database, session, Secret(new_password),
                              Secret(current_password) if current_password else None, _address(request))
    except (BadInput, sessions.SignInFailed, TooManyAttempts) as error:
        with installation.database.read() as connection:
            return _account(request, session.session_id, actor, connection, saved=False, fault=error,
                            status=error.status)
    return RedirectResponse("/account?saved=true", 303)
