"""Page tokens: where the last page ended, bound to the search that it belongs to."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.decoding import invalid

_MOST = 16_384


def query_mark(*parts: Any) -> str:
    """Return a short mark of a search; equal searches have equal marks."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def make_token(mark: str, position: list[Any]) -> str:
    """Return the token for the page after ``position``."""
    return base64.urlsafe_b64encode(msgspec.json.encode([mark, *position])).decode()


def read_token(token: str | None, mark: str, kinds: tuple[type | tuple[type, ...], ...]) -> list[Any] | None:
    """Return the position in a token, or None without one; ``kinds`` are the types that it must have.

    Raises BadInput for a text that is no token, or one of another search.
    """
    if not token:
        return None
    try:
        if len(token) > _MOST:
            raise ValueError
        content = msgspec.json.decode(base64.urlsafe_b64decode(token.encode("ascii")))
        if not isinstance(content, list) or len(content) != len(kinds) + 1:
            raise ValueError
    except (ValueError, UnicodeEncodeError, msgspec.MsgspecError, RecursionError):
        raise BadInput("Invalid page token, could not base64-decode", field="page_token") from None
    if content[0] != mark:
        raise BadInput("Invalid page token: it belongs to another search.", field="page_token",
                       hint="Send the same filter, order and ids with it, or start again without a token.")
    for value, kind in zip(content[1:], kinds, strict=True):
        if not isinstance(value, kind) or isinstance(value, bool) or (
                isinstance(value, int) and not -(2**63) <= value < 2**63) or (
                isinstance(value, str) and "\x00" in value):
            raise BadInput("Invalid page token.", field="page_token")
    return content[1:]


def page_size(wanted: int | None, default: int, most: int) -> int:
    """Return the size of a page; raises BadInput outside of 1 to ``most``."""
    if wanted is None:
        return default
    if not 1 <= wanted <= most:
        raise invalid("max_results", wanted, f"it must be a positive integer and at most {most}.")
    return wanted
