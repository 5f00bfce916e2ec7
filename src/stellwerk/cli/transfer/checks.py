"""What of a source may come in: names that would be taken for paths, and texts that no database keeps, may not.

The same rules hold on both sides; here they tell which single thing is refused, so that all others still come.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, TypeVar

import msgspec

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.transfer import wire

_T = TypeVar("_T", wire.Run, wire.LoggedModel, wire.Version, wire.RegisteredModel, wire.Experiment)


class Refused(NamedTuple):
    """One thing that was not brought, and why."""

    what: str
    why: str


@lru_cache(maxsize=65_536)
def key_fault(key: str) -> str | None:
    """Return what is wrong with the key of a metric, param or tag, or None."""
    try:
        limits.check_key(key, "key")
    except BadInput as error:
        return error.message
    return None


def _sound(pairs: list[wire.Pair], what: str, refused: list[Refused]) -> list[wire.Pair]:
    kept = []
    for key, value in pairs:
        fault = key_fault(key) or ("its value holds a NUL character" if "\x00" in value else None)
        if fault is None:
            kept.append((key, value))
        else:
            refused.append(Refused(f"{what} {key[:100]!r}", fault))
    return kept


def sound(thing: _T, what: str, refused: list[Refused]) -> _T | None:
    """Return a thing without the params and tags that may not come, or None where all of it may not; what is left
    out is added to ``refused``."""
    for field in ("params", "tags"):
        pairs = getattr(thing, field, None)
        if pairs:
            setattr(thing, field, _sound(pairs, f"{field.removesuffix('s')} of {what}", refused))
    try:
        msgspec.convert(msgspec.to_builtins(thing), type(thing))
        if "\x00" in _texts(thing):
            raise msgspec.ValidationError("a text holds a NUL character")
    except msgspec.ValidationError as error:
        refused.append(Refused(what, str(error)))
        return None
    return thing


def _texts(thing: msgspec.Struct) -> str:
    return "".join(value for name in thing.__struct_fields__ if isinstance(value := getattr(thing, name), str))
