"""One byte form per JSON value, so that equal content has equal digests (in the manner of RFC 8785)."""

from __future__ import annotations

import json
import math
from typing import Any


def _check(value: Any, path: str) -> None:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{path}: {value} has no JSON form")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{path}: the key {key!r} is not text")
            _check(inner, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _check(inner, f"{path}[{index}]")
    elif value is not None and not isinstance(value, (str, int, bool)):
        raise ValueError(f"{path}: {type(value).__name__} has no JSON form")


def dumps(value: Any) -> bytes:
    """Return the canonical UTF-8 bytes: keys sorted, no white space, floats in shortest form.

    Raises ValueError for NaN, infinities, keys that are not text, other types, and lone surrogates.
    """
    _check(value, "$")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def loads(data: bytes | str) -> Any:
    """Return the value of JSON text; raises ValueError for text that is not JSON."""
    return json.loads(data)
