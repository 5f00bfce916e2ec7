"""Admission of one request to its route: who calls, may they, and is the body what the route takes."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from fastapi.concurrency import run_in_threadpool
from sqlalchemy.engine import Connection
from starlette.requests import Request
from starlette.types import Message

from stellwerk.infra.http.context import HttpContext, SignedIn, context_of
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Forbidden, NotFound, StellwerkError, TooLarge, Unauthenticated
from stellwerk.kernel.route import Rule
from stellwerk.kernel.secret import Secret

COOKIE = "stellwerk_session"
CSRF_FIELD = "csrf_token"
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_JSON_DEPTH = 64


@dataclass(frozen=True)
class Intake:
    """What a route takes: its kind decides the credential, ``consumes`` the body, ``limit`` the bytes."""

    kind: Literal["api", "page"] = "api"
    consumes: Literal["json", "form", "bytes", "none"] = "none"
    limit: int | None = None


class UnsupportedMediaType(StellwerkError):
    """The body has another content type than the route takes."""

    code = "unsupported_media_type"
    status = 415


class SignInNeeded(StellwerkError):
    """A page was asked for without a session."""

    code = "unauthenticated"
    status = 401


def bearer_of(request: Request) -> Secret | None:
    """Return the token of a Bearer header, or the password of a Basic one; None without either."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and value.strip():
        return Secret(value.strip())
    if scheme.lower() == "basic":
        try:
            _, separator, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return Secret(password) if separator and password else None
    return None


def cookie_name(request: Request) -> str:
    """Return the name of the session cookie: bound to the host under TLS."""
    return f"__Host-{COOKIE}" if request.url.scheme == "https" else COOKIE


async def admit(request: Request, rule: Rule, intake: Intake) -> Request:
    """Return the request with actor, session and checked body; raises what stands against it."""
    context = context_of(request)
    token = bearer_of(request) if intake.kind == "api" else None
    cookie = request.cookies.get(cookie_name(request)) if intake.kind == "page" else None
    actor, session = await run_in_threadpool(_identify, context, rule, request.path_params, token,
                                             Secret(cookie) if cookie else None)
    if actor is None and not rule.public:
        raise _nobody(request, intake, token is not None)
    request.state.actor = actor
    request.state.session = session
    admitted = await _take_body(request, intake, context)
    if intake.kind == "page" and request.method == "POST" and session is not None:
        await _check_csrf(admitted, session)
    return admitted


def _nobody(request: Request, intake: Intake, had_token: bool) -> StellwerkError:
    if intake.kind == "page":
        return SignInNeeded("Please sign in.", hint="Sign in, then open the page again.")
    if had_token:
        return Unauthenticated("The token is not valid: unknown, expired or revoked.",
                               hint="Make another with: stellwerk token create NAME --role ROLE")
    return Unauthenticated("This address asks for a token.", field="Authorization",
                           hint="Send 'Authorization: Bearer TOKEN'; make one with: stellwerk token create NAME")


def _identify(context: HttpContext, rule: Rule, parameters: Mapping[str, Any], token: Secret | None,
              cookie: Secret | None) -> tuple[Actor | None, SignedIn | None]:
    if token is None and cookie is None:
        return None, None
    with context.installation.database.read() as connection:
        session: SignedIn | None = None
        actor: Actor | None = None
        if token is not None:
            actor = context.identity.by_token(connection, token)
        elif cookie is not None:
            session = context.identity.by_session(connection, cookie)
            actor = session.actor if session else None
        if actor is not None and not rule.public:
            authorise(context, connection, actor, rule, parameters)
        return actor, session


def authorise(context: HttpContext, connection: Connection, actor: Actor, rule: Rule,
              parameters: Mapping[str, Any]) -> None:
    """Raise Forbidden where the actor lacks the permission, NotFound where even existence is not theirs to know."""
    wanted = rule.kind_and_parameter
    if wanted is None:
        held = actor.may(rule.permission, None) if rule.resource == "installation" else (
            actor.may_anywhere(rule.permission))
        if not held:
            raise _lacking(actor, rule, "the installation" if rule.resource == "installation" else "any team")
        return
    kind, parameter = wanted
    name = str(parameters[parameter])
    team = name if kind == "team" else context.owners[kind](connection, name)
    reads = team is not None and any(held[0] in (team, None) for held in actor.permissions)
    if team is None or not reads:
        # An actor without the permission anywhere learns that, and nothing about the thing.
        if not actor.may_anywhere(rule.permission):
            raise _lacking(actor, rule, "any team")
        raise NotFound(f"There is no {kind} {name[:120]!r} that you may see.", field=parameter, value=name[:120])
    if not actor.may(rule.permission, team):
        raise _lacking(actor, rule, f"the team {team!r}")


def _lacking(actor: Actor, rule: Rule, where: str) -> Forbidden:
    return Forbidden(f"{actor.name} lacks the permission {rule.permission!r} for {where}.", field="permission",
                     value=rule.permission, hint="Ask an admin for a role that grants it.")


async def _take_body(request: Request, intake: Intake, context: HttpContext) -> Request:
    settings = context.installation.settings
    limit = intake.limit or (settings.upload_bytes if intake.consumes == "bytes" else settings.body_bytes)
    length = request.headers.get("content-length", "0")
    if len(length) > 15 or not (length.isascii() and length.isdigit()) or int(length) > limit:
        raise _too_large(limit)
    counted = Request(request.scope, _counting(request, limit), request._send)
    if intake.consumes == "bytes":
        return counted
    body = await counted.body()
    if intake.consumes == "none":
        return counted
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if intake.consumes == "json":
        if body and media_type != "application/json":
            raise UnsupportedMediaType("This address takes JSON.", field="Content-Type", value=media_type[:100],
                                       allowed="application/json")
        if body:
            # Parsed here once and strictly; the framework finds the value in its cache.
            counted._json = strict_json(body)
    elif media_type not in _FORM_TYPES:
        raise UnsupportedMediaType("This address takes a form.", field="Content-Type", value=media_type[:100],
                                   allowed=list(_FORM_TYPES))
    return counted


def _counting(request: Request, limit: int) -> Any:
    receive = request._receive
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise _too_large(limit)
        return message

    return counted


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body exceeds {limit} bytes.", field="Content-Length", allowed=f"{limit} bytes",
                    hint="Send less, or raise 'body_bytes' or 'upload_bytes' in stellwerk.toml.")


def strict_json(body: bytes) -> Any:
    """Return the value of a JSON body; refuses doubled keys, NaN, other encodings and depth above 64."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            raise BadInput("The JSON names a key twice.", field="body")
        return result

    def constant(name: str) -> Any:
        raise BadInput("The JSON holds a number that JSON does not have.", field="body", value=name)

    _check_depth(body)
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except UnicodeDecodeError:
        raise BadInput("The body is not UTF-8.", field="body", allowed="UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
                       field="body") from None
    except ValueError:
        # Python refuses to read integers of thousands of digits.
        raise BadInput("The JSON holds a number with too many digits.", field="body") from None


def _check_depth(body: bytes) -> None:
    depth = 0
    inside = escaped = False
    if body.count(b"[") + body.count(b"{") <= _JSON_DEPTH:
        return
    for byte in body:
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            if depth > _JSON_DEPTH:
                raise BadInput(f"The JSON is nested deeper than {_JSON_DEPTH} levels.", field="body",
                               allowed=_JSON_DEPTH)
        elif byte in b"]}":
            depth -= 1


async def _check_csrf(request: Request, session: SignedIn) -> None:
    form = await request.form(max_files=8, max_fields=200)
    sent = form.get(CSRF_FIELD)
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), session.csrf_token.reveal().encode()):
        raise Forbidden("The form does not belong to this session.", field=CSRF_FIELD,
                        hint="Open the page again and send it once more.")
