"""Names of people, teams and tokens, checked once at the edge."""

from __future__ import annotations

import re
import unicodedata

from stellwerk.kernel.errors import BadInput

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?\Z")


def check_name(name: str, field: str) -> str:
    """Return a name of at most 63 lower-case letters, digits, dots, dashes; raises BadInput otherwise."""
    if not _NAME.match(name):
        raise BadInput(f"{name[:80]!r} is not a valid name.", field=field, value=name[:80],
                       allowed="1 to 63 of a-z 0-9 . _ - with a letter or digit first and last")
    return name


def check_title(title: str, field: str) -> str:
    """Return a title in NFC without control or direction characters; raises BadInput otherwise."""
    text = unicodedata.normalize("NFC", title).strip()
    if not 1 <= len(text) <= 200 or any(unicodedata.category(character).startswith("C") for character in text):
        raise BadInput("The text is empty, too long, or holds characters that do not print.", field=field,
                       value=text[:80], allowed="1 to 200 printable characters")
    return text
