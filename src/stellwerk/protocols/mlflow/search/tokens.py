"""Cuts the text of a filter or an order into tokens: by hand, in one pass, so that no text can stall it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from stellwerk.kernel.errors import BadInput

MAX_BYTES = 4096
"""Bytes a filter may have outside its IN lists, and an entry of an order altogether."""
MAX_LIST_BYTES = 65536
"""Bytes a filter may have with its IN lists: clients ask for a page of runs by their ids."""
SHOWN = 200
"""Characters of the input that an error repeats at most."""

_OPERATOR = frozenset("<>=~!")
_QUOTES = frozenset("'\"`")
_DIGITS = frozenset("0123456789")


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    OPERATOR = "operator"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text, quotes included; a name runs over its dots and may have quoted parts."""

    kind: Kind
    text: str
    start: int
    end: int

    def word(self) -> str:
        """Return the name in capitals, for keywords; the empty string for what is no name."""
        return self.text.upper() if self.kind is Kind.NAME else ""


def shown(text: object) -> str:
    """Return the text as errors repeat it: cut where it is long."""
    found = str(text)
    return found if len(found) <= SHOWN else found[:SHOWN] + "..."


def check_text(text: object, field: str, limit: int) -> str:
    """Return the text if it is a string of at most ``limit`` bytes without NUL and lone surrogates, else BadInput."""
    if not isinstance(text, str):
        raise BadInput(f"Invalid {field}: expected a string", field=field, value=shown(repr(text)))
    # Counting characters first keeps a huge text from being encoded.
    if len(text) > limit:
        raise BadInput(f"Invalid {field}: longer than {limit} bytes", field=field, value=shown(repr(text[:SHOWN])))
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise BadInput(f"Invalid {field}: not valid Unicode", field=field, value=shown(ascii(text))) from None
    if size > limit:
        raise BadInput(f"Invalid {field}: longer than {limit} bytes", field=field, value=shown(text))
    if "\0" in text:
        raise BadInput(f"Invalid {field}: NUL is not allowed", field=field, value=shown(ascii(text)))
    return text


def tokenize(text: str) -> list[Token]:
    """Return the tokens of the text without the space between them; never fails: what fits nothing is a mark."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        kind, end = _scan(text, at)
        tokens.append(Token(kind, text[at:end], at, end))
        at = end
    return tokens


def _scan(text: str, at: int) -> tuple[Kind, int]:
    char = text[at]
    number = _number(text, at)
    if number is not None:
        return number
    if char == "'":
        end = _quoted_end(text, at)
        # An open quote takes the rest with it: the text is refused, and scanning on would not be linear.
        return (Kind.STRING, end) if end > 0 else (Kind.MARK, len(text))
    if char in _QUOTES or _is_word(char):
        end = _name_end(text, at)
        return (Kind.NAME, end) if end > 0 else (Kind.MARK, len(text))
    if char in _OPERATOR:
        return Kind.OPERATOR, _run(text, at, _OPERATOR.__contains__)
    return Kind.MARK, at + 1


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def _run(text: str, at: int, belongs: Callable[[str], bool]) -> int:
    while at < len(text) and belongs(text[at]):
        at += 1
    return at


def _quoted_end(text: str, at: int) -> int:
    """Return the place behind the closing quote, or -1; a doubled or (not for backticks) escaped quote is inside."""
    quote = text[at]
    fallback = -1
    found = text.find(quote, at + 1)
    while found >= 0:
        if quote != "`" and text[found - 1] == "\\":
            # A text such as 'C:\' ends with its last escaped quote when no other follows.
            fallback, following = found + 1, found + 1
        elif text[found + 1 : found + 2] == quote:
            fallback, following = -1, found + 2
        else:
            return found + 1
        found = text.find(quote, following)
    return fallback


def _name_end(text: str, at: int) -> int:
    """Return the place behind a name and its dotted parts, or -1 where a quote stays open."""
    while True:
        end = _quoted_end(text, at) if text[at] in _QUOTES else _run(text, at, _is_word)
        if end < 0:
            return -1
        following = text[end + 1 : end + 2]
        if text[end : end + 1] != "." or not (following and (following in _QUOTES or _is_word(following))):
            return end
        at = end + 1


def _number(text: str, at: int) -> tuple[Kind, int] | None:
    """Return kind and end of the number that starts here; a word that starts with digits is none."""
    start = at + 1 if text[at] == "-" else at
    end = _run(text, start, _DIGITS.__contains__)
    whole = end > start
    kind = Kind.INTEGER
    if text[end : end + 1] == "." and (whole or text[end + 1 : end + 2] in _DIGITS):
        kind, end = Kind.FLOAT, _run(text, end + 1, _DIGITS.__contains__)
    elif not whole:
        return None
    if text[end : end + 1] in ("e", "E"):
        sign = end + 1 + (text[end + 1 : end + 2] in ("+", "-"))
        power = _run(text, sign, _DIGITS.__contains__)
        # A power ends a number whatever follows, as in 1e5AND.
        if power > sign:
            return Kind.FLOAT, power
    return None if end < len(text) and _is_word(text[end]) else (kind, end)
