"""Who stands behind a token, remembered until anything in the control database changes."""

from __future__ import annotations

import base64
import binascii
import time
from typing import TYPE_CHECKING

from stellwerk.infra.database import ChangeWatch
from stellwerk.infra.http.context import HttpContext
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.secret import Secret

if TYPE_CHECKING:
    from starlette.types import Scope

# A token may end by the clock without any change of the database.
_KEEP_SECONDS = 1.0
_MOST = 4096


def token_of(scope: Scope) -> Secret | None:
    """Return the token of a Bearer header, or the password of a Basic one; None without either."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return _credential(value.decode("latin-1"))
    return None


def _credential(header: str) -> Secret | None:
    scheme, _, value = header.partition(" ")
    kind = scheme.lower()
    if kind == "bearer":
        return Secret(value.strip()) if value.strip() else None
    if kind == "basic":
        try:
            _, separator, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return None
        return Secret(password) if separator and password else None
    return None


class TokenCache:
    """Actors by the hash of their token."""

    def __init__(self, context: HttpContext) -> None:
        self._context = context
        self._watch: ChangeWatch | None = None
        self._actors: dict[str, tuple[float, Actor | None]] = {}

    def actor(self, token: Secret) -> Actor | None:
        """Return who a token stands for, or None for one that is not valid."""
        if self._watch is None:
            self._watch = ChangeWatch(self._context.installation.home.control)
        if self._watch.changed() or len(self._actors) > _MOST:
            self._actors.clear()
        name = sha256_hex(token.reveal().encode())
        now = time.monotonic()
        known = self._actors.get(name)
        if known is not None and now - known[0] < _KEEP_SECONDS:
            return known[1]
        with self._context.installation.database.read() as connection:
            actor = self._context.identity.by_token(connection, token)
        self._actors[name] = (now, actor)
        return actor
