"""Values as they stand in YAML that people read: quoted only where another reading would differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[-. ][A-Za-z0-9_]+)*")
# What YAML 1.1 or 1.2 reads as something else than text.
_OTHER = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf"})
_NOT_PRINTED = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def scalar(value: Any) -> str:
    """Return a text, number or truth value for YAML, fit for flow mappings too."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _OTHER:
        return text
    return _NOT_PRINTED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _number(value: float) -> str:
    text = repr(value)
    # YAML 1.1 takes 1e-05 for text: a number has a point.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def flow(values: Iterable[Any]) -> str:
    """Return a list on one line."""
    return "[" + ", ".join(scalar(value) for value in values) + "]"
