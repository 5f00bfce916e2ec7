"""Checking what a decision is asked on: compiled once per revision from its fields.

Only explicit limits of the contract reject; a value outside what training saw is answered and marked so.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from stellwerk.dataplane.snapshot import Field
from stellwerk.kernel.errors import BadInput, TooLarge
from stellwerk.kernel.patterns import Pattern, compile_pattern

BODY_BYTES = 1 << 20
_DEPTH = 64
TEXT_CHARACTERS = 10_000
_SHOWN = 200
# Models take 32-bit floats.
LARGEST = 3.4e38
# Subjects and keys: no control characters, nothing invisible, nothing that turns the text around.
NAMING = "[^\\x00-\\x1f\\x7f-\\x9f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff]+"
SUBJECT_CHARACTERS, KEY_CHARACTERS = 500, 200
_NAMING = re.compile(NAMING)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
Check = Callable[[Any, str, list[dict[str, Any]]], Any]


def read_json(body: bytes) -> dict[str, Any]:
    """Return the object of a JSON body; refuses other encodings, doubled keys, NaN, depth above 64, over 1 MiB."""
    if len(body) > BODY_BYTES:
        raise TooLarge(f"The body exceeds {BODY_BYTES} bytes.", field="Content-Length", allowed=f"{BODY_BYTES} bytes")
    if body.count(b"{") + body.count(b"[") > _DEPTH and _depth(body) > _DEPTH:
        raise BadInput(f"The JSON is nested deeper than {_DEPTH} levels.", field="body", allowed=_DEPTH)
    try:
        text = body.decode("utf-8")
        value = _DECODER.decode(text)
    except UnicodeDecodeError:
        raise BadInput("The body is not UTF-8.", field="body", allowed="UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
                       field="body") from None
    except ValueError:
        raise BadInput("The JSON holds a number with too many digits.", field="body") from None
    if _ESCAPED_SURROGATE.search(text) and not _encodable(value):
        raise BadInput("The JSON holds half of a surrogate pair.", field="body", allowed="whole characters")
    if not isinstance(value, dict):
        raise BadInput("The body is not a JSON object.", field="body", allowed='{"inputs": {…}}')
    return value


def _pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(items)
    if len(made) != len(items):
        raise BadInput("The JSON names a key twice.", field="body")
    return made


def _constant(name: str) -> Any:
    raise BadInput("The JSON holds a number that JSON does not have.", field="body", value=name)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BadInput("The JSON holds a number that is too large.", field="body", value=text[:_SHOWN])
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant, parse_float=_float)


def _encodable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _depth(body: bytes) -> int:
    # The closing quote may be missing, so that no text is looked at twice.
    plain = _QUOTED.sub(b"", body)
    depth = deepest = 0
    for byte in plain:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _shown(value: Any) -> Any:
    """Return a value as an error may repeat it: short, and JSON."""
    if isinstance(value, str):
        return _piece(value)
    if isinstance(value, int) and abs(value) > LARGEST:
        return str(value)[:_SHOWN]
    return value if isinstance(value, (int, float, bool)) or value is None else type(value).__name__


def _piece(text: str) -> str:
    """Return the beginning of a text, half surrogate pairs replaced, since an answer must be UTF-8."""
    return text[:_SHOWN].encode("utf-8", "replace").decode()


def _refuse(path: str, value: Any, allowed: Any, message: str) -> BadInput:
    return BadInput(f"{path}: {message}", field=path, value=_shown(value), allowed=allowed)


def _within(low: float, high: float) -> Callable[[float], bool]:
    """Return whether a number keeps to limits as they are written, which is how the service's document is read.

    Written, 1e23 is 10 to the power of 23; as a float it is a little less, so a whole number needs the former.
    """
    written_low, written_high = _as_written(low), _as_written(high)

    def within(value: float) -> bool:
        if isinstance(value, int):
            return written_low <= value <= written_high
        return low <= value <= high

    return within


def _as_written(limit: float) -> float:
    written = Decimal(repr(float(limit)))
    return int(written) if written.is_finite() and written == written.to_integral_value() else limit


_fits = _within(-LARGEST, LARGEST)


def _number(field: Field) -> Check:
    allowed = _within(-math.inf if field.minimum is None else field.minimum,
                      math.inf if field.maximum is None else field.maximum)
    seen_low, seen_high = field.seen_min, field.seen_max
    whole = field.type == "integer"
    options = frozenset(field.enum) if field.enum is not None else None
    words = _number_words(field)

    def check(value: Any, path: str, marks: list[dict[str, Any]]) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -math.inf < value < math.inf:
            raise _refuse(path, value, words, "is not a number")
        if not _fits(value):
            raise _refuse(path, value, words, "is larger than any model can take")
        if whole and value != int(value):
            raise _refuse(path, value, words, "is not a whole number")
        if not allowed(value):
            raise _refuse(path, value, words, "is outside the contract's limits")
        if options is not None and value not in options:
            raise _refuse(path, value, field.enum, "is none of the allowed values")
        if (seen_low is not None and value < seen_low) or (seen_high is not None and value > seen_high):
            marks.append({"field": field.name, "mark": "outside_training_range", "value": value,
                          "seen": [seen_low, seen_high]})
        return value

    return check


def _number_words(field: Field) -> str:
    kind = "a whole number" if field.type == "integer" else "a number"
    limits = []
    if field.minimum is not None:
        limits.append(f"at least {field.minimum:g}")
    if field.maximum is not None:
        limits.append(f"at most {field.maximum:g}")
    return " ".join([kind, " and ".join(limits)]).strip()


def _text(field: Field) -> Check:
    options = {str(value) for value in field.enum} if field.enum is not None else None
    pattern = _pattern(field)
    seen = set(field.seen_categories) if field.seen_categories is not None else None
    shortest = field.min_length or 0
    longest = TEXT_CHARACTERS if field.max_length is None else min(field.max_length, TEXT_CHARACTERS)

    def check(value: Any, path: str, marks: list[dict[str, Any]]) -> Any:
        if not isinstance(value, str):
            raise _refuse(path, value, field.enum or "text", "is not text")
        if len(value) > longest:
            raise _refuse(path, value, f"at most {longest} characters", "is too long")
        if len(value) < shortest:
            raise _refuse(path, value, f"at least {shortest} characters", "is too short")
        if not value.isascii() and not _encodable(value):
            raise _refuse(path, value, "text without lone surrogates", "is not valid text")
        if options is not None and value not in options:
            close = difflib.get_close_matches(value[:_SHOWN], sorted(options), n=1)
            error = _refuse(path, value, field.enum, "is none of the allowed values")
            error.hint = f"Did you mean {close[0]}?" if close else None
            raise error
        if pattern is not None and not pattern.fullmatch(value):
            raise _refuse(path, value, f"text like {field.pattern}", "does not match")
        if seen is not None and value not in seen:
            marks.append({"field": field.name, "mark": "not_in_training_data", "value": value[:_SHOWN],
                          "seen": sorted(seen)[:20]})
        return value

    return check


def _pattern(field: Field) -> Pattern | None:
    if not field.pattern:
        return None
    try:
        # Callers choose the text, so its length must be all that matching takes time for.
        return compile_pattern(field.pattern)
    except ValueError as error:
        raise ValueError(f"the pattern of {field.name} cannot be used: {error}") from None


def _boolean(field: Field) -> Check:
    def check(value: Any, path: str, marks: list[dict[str, Any]]) -> Any:
        if not isinstance(value, bool):
            raise _refuse(path, value, ["true", "false"], "is not a truth value")
        return value

    return check


def _compile(field: Field) -> Check:
    if field.type in ("number", "integer"):
        return _number(field)
    return _boolean(field) if field.type == "boolean" else _text(field)


class FieldsCheck:
    """The compiled check of a list of fields below one key of the body."""

    def __init__(self, key: str, fields: Sequence[Field], *, required: bool) -> None:
        self._key = key
        self._names = [field.name for field in fields]
        self._known = frozenset(self._names)
        self._required = required
        self._checks = [(field.name, f"{key}.{field.name}", _compile(field), field.nullable or not required)
                        for field in fields]

    def __call__(self, values: Mapping[str, Any], marks: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the values of all fields, None where absent; raises BadInput for the first that is not allowed."""
        if not self._known.issuperset(values):
            self._refuse_unknown(values)
        checked: dict[str, Any] = {}
        for name, path, check, nullable in self._checks:
            value = values.get(name)
            if value is not None:
                value = check(value, path, marks)
            elif not nullable:
                raise BadInput(f"{path} is missing.", field=path, value=None, allowed="a value; null is not allowed")
            checked[name] = value
        return checked

    def _refuse_unknown(self, values: Mapping[str, Any]) -> None:
        name = next(name for name in values if name not in self._known)
        close = difflib.get_close_matches(name[:_SHOWN], self._names, n=1)
        path = f"{self._key}.{_piece(name)}"
        raise BadInput(f"{path} is not known to this service.", field=path, value=_piece(name),
                       allowed=self._names, hint=f"Did you mean {close[0]}?" if close else None)


class RequestCheck:
    """The compiled check of a decision request of one revision."""

    _KEYS = ("inputs", "subject", "protected", "idempotency_key")

    def __init__(self, inputs: Sequence[Field], protected: Sequence[Field], subject: str | None) -> None:
        self._inputs = FieldsCheck("inputs", inputs, required=True)
        self._protected = FieldsCheck("protected", protected, required=False)
        self._subject = subject

    def __call__(self, body: Mapping[str, Any]) -> Checked:
        """Return the checked request; raises BadInput naming field, value and what is allowed."""
        for name in body:
            if name not in self._KEYS:
                close = difflib.get_close_matches(name[:_SHOWN], self._KEYS, n=1)
                raise BadInput(f"{_piece(name)} is not known here.", field=_piece(name), value=_piece(name),
                               allowed=list(self._KEYS), hint=f"Did you mean {close[0]}?" if close else None)
        marks: list[dict[str, Any]] = []
        inputs = self._inputs(_mapping(body, "inputs", required=True) or {}, marks)
        subject = _short_text(body, "subject", SUBJECT_CHARACTERS, numbers=True)
        if subject is None and self._subject is not None:
            raise BadInput(f"subject is missing: the {self._subject} of whom or what this decision is about.",
                           field="subject", value=None, allowed="text or a whole number")
        protected = _mapping(body, "protected", required=False)
        checked = self._protected(protected, []) if protected else None
        return Checked(inputs, subject, checked, _short_text(body, "idempotency_key", KEY_CHARACTERS), marks)


class Checked:
    """A request that may be answered."""

    __slots__ = ("idempotency_key", "inputs", "marks", "protected", "subject")

    def __init__(self, inputs: dict[str, Any], subject: str | None, protected: dict[str, Any] | None,
                 idempotency_key: str | None, marks: list[dict[str, Any]]) -> None:
        self.inputs = inputs
        self.subject = subject
        self.protected = protected
        self.idempotency_key = idempotency_key
        self.marks = marks


def _mapping(body: Mapping[str, Any], key: str, *, required: bool) -> dict[str, Any] | None:
    value = body.get(key)
    if value is None and not required:
        return None
    if not isinstance(value, dict):
        raise BadInput(f"{key} is {'missing' if value is None else 'not an object'}.", field=key, value=_shown(value),
                       allowed='an object with the fields of the contract, such as {"' + key + '": {"name": value}}')
    return value


def _short_text(body: Mapping[str, Any], key: str, longest: int, *, numbers: bool = False) -> str | None:
    value = body.get(key)
    if value is None:
        return None
    if numbers and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if (isinstance(value, str) and len(value) <= longest and _NAMING.fullmatch(value)
            and (value.isascii() or _encodable(value))):
        return value
    raise BadInput(f"{key} is not usable.", field=key, value=_shown(value),
                   allowed=f"1 to {longest} printable characters{', or a whole number' if numbers else ''}")
