"""Reads what stands at either side of an operator: names, numbers, quoted strings and lists of them."""

from __future__ import annotations

import math

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search.clauses import Clause
from stellwerk.protocols.mlflow.search.tokens import Kind, Token, shown

_INT64 = 2**63
_MAX_DIGITS = 19
# MLflow reads lists as Python literals, so these escapes count there, and only there.
_ESCAPES = {"\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t"}


def unquoted(text: str) -> str:
    """Return a key without the quotes and then the backticks that surround it."""
    for quotes in ("'\"", "`"):
        if len(text) >= 2 and text[0] == text[-1] and text[0] in quotes:
            text = text[1:-1]
    return text


def integer(text: str) -> int | None:
    """Return the decimal integer if it fits into 64 bits, else None."""
    digits = text.removeprefix("-")
    # Longer literals are out of range, and turning them into numbers would take quadratic time.
    if not (digits.isascii() and digits.isdigit()) or len(digits.lstrip("0")) > _MAX_DIGITS:
        return None
    value = int(text)
    return value if -_INT64 <= value < _INT64 else None


def number(token: Token, key: str) -> int | float:
    """Return the number of an attribute; BadInput where it does not fit into 64 bits."""
    if token.kind is Kind.FLOAT:
        return real(token)
    value = integer(token.text)
    if value is None:
        message = f"Invalid value for numeric attribute '{key}': {shown(token.text)} is out of range"
        raise BadInput(message, field="filter", value=shown(token.text), allowed="integers of 64 bits")
    return value


def real(token: Token) -> float:
    """Return the number as a float; BadInput where it is too large for one."""
    value = float(token.text)
    if not math.isfinite(value):
        message = f"Invalid numeric value {shown(token.text)}: out of range"
        raise BadInput(message, field="filter", value=shown(token.text), allowed="finite numbers")
    return value


def is_text(clause: Clause) -> bool:
    """Say whether the right side could be a string: quoted, or a name that lacks its quotes."""
    return not clause.listed and clause.right[0].kind in (Kind.STRING, Kind.NAME) and clause.right[0].word() != "NULL"


def text_value(token: Token) -> str:
    """Return the inside of a quoted value as it stands; BadInput where it is not in single or double quotes."""
    text = token.text
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    raise BadInput(
        "Parameter value is either not quoted or unidentified quote types used for string value "
        f"{shown(text)}. Use either single or double quotes.",
        field="filter",
        value=shown(text),
    )


def list_value(clause: Clause) -> tuple[str, ...]:
    """Return the strings of a list; BadInput where it is empty, ill-formed or holds anything but quoted strings."""
    begun = "While parsing a list in the query, expected "
    if not clause.right:
        message = begun + "a non-empty list of string values, but got empty list"
        raise BadInput(message, field="filter", value="()")
    values: list[str] = []
    for place, token in enumerate(clause.right):
        if place % 2:
            if token.text != ",":
                raise _ill_formed(clause)
        elif token.kind is Kind.STRING or (token.kind is Kind.NAME and token.text[0] == '"'):
            values.append(_element(token.text, clause))
        elif token.kind in (Kind.INTEGER, Kind.FLOAT):
            message = f"{begun}string value, punctuation, or whitespace, but got different type in list: "
            raise BadInput(message + shown(clause.right_text), field="filter", value=shown(clause.right_text))
        else:
            raise _ill_formed(clause)
    return tuple(values)


def _ill_formed(clause: Clause) -> BadInput:
    message = "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list."
    return BadInput(message, field="filter", value=shown(clause.right_text), allowed="('a', 'b')")


def _element(text: str, clause: Clause) -> str:
    quote, inside = text[0], text[1:-1]
    if text[-1] != quote:
        raise _ill_formed(clause)
    parts: list[str] = []
    at = 0
    while at < len(inside):
        char = inside[at]
        if char == "\\" and inside[at + 1 : at + 2] in _ESCAPES:
            parts.append(_ESCAPES[inside[at + 1]])
            at += 2
            continue
        # A doubled quote would end the string and begin another; line break and last backslash leave it open.
        if char in (quote, "\n", "\r") or (char == "\\" and at == len(inside) - 1):
            raise _ill_formed(clause)
        parts.append(char)
        at += 1
    return "".join(parts)
