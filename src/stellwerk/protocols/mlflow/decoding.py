"""From the bytes of a request to its struct, with the errors that MLflow's clients know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

import msgspec

from stellwerk.kernel.errors import BadInput

_PATH = re.compile(r" - at `\$\.?([^`]*)`\Z")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_SEE = "See the API docs for more information about request parameters."
_MOST_PAIRS = 2000


class Request(msgspec.Struct, kw_only=True):
    """A request body: unset fields are None, those named in ``required`` are neither unset nor empty."""

    required: ClassVar[tuple[str, ...]] = ()


class Item(msgspec.Struct, kw_only=True):
    """An object inside of a request, with required fields of its own."""

    required: ClassVar[tuple[str, ...]] = ()


_R = TypeVar("_R", bound=Request)


def missing(path: str) -> BadInput:
    """Return the error for a required parameter that is not there."""
    return BadInput(f"Missing value for required parameter '{path}'. {_SEE}", field=path)


def invalid(path: str, value: Any, why: str = "") -> BadInput:
    """Return the error for a parameter with a value that is not allowed."""
    shown = _shown(value)
    return BadInput(f"Invalid value {shown} for parameter '{path}' supplied{': ' + why if why else '.'} {_SEE}",
                    field=path, value=shown[:200])


def _shown(value: Any) -> str:
    try:
        text = msgspec.json.encode(value).decode()
    except (TypeError, ValueError, msgspec.MsgspecError):
        text = repr(value)
    return text if len(text) <= 1000 else text[:1000] + "…"


@lru_cache(maxsize=256)
def _decoder(kind: type[_R]) -> msgspec.json.Decoder[_R]:
    return msgspec.json.Decoder(kind, strict=False)


def decode_body(kind: type[_R], body: bytes) -> _R:
    """Return the struct of a JSON body; raises BadInput naming the parameter at fault."""
    try:
        request: _R = _decoder(kind).decode(body or b"{}")
    except msgspec.ValidationError as error:
        raise _refused(str(error), _plain(body)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"The request body is not valid JSON: {error}.", field="body") from None
    except RecursionError:
        raise BadInput("The JSON is nested too deeply.", field="body") from None
    if b"\\u0000" in body:
        _refuse_nul(_plain(body), "")
    _check_required(request)
    return request


def _refuse_nul(value: Any, path: str) -> None:
    """Raise BadInput for a text with a NUL, which not every database can keep."""
    waiting = [(value, path)]
    while waiting:
        one, at = waiting.pop()
        if isinstance(one, str) and "\0" in one:
            raise invalid(at[:200] or "body", one, "it holds a NUL character.")
        if isinstance(one, list):
            waiting += [(inner, f"{at}[{place}]") for place, inner in enumerate(one)]
        elif isinstance(one, dict):
            waiting += [(inner, f"{at}.{name}" if at else name) for name, inner in one.items()]


def decode_query(kind: type[_R], query: bytes) -> _R:
    """Return the struct of a query string; a parameter may repeat only where the struct holds a list."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_PAIRS, errors="strict")
    except (UnicodeDecodeError, ValueError):
        raise BadInput("The query string is not valid UTF-8, or has too many parameters.", field="query") from None
    lists = _list_fields(kind)
    values: dict[str, Any] = {}
    for name, value in pairs:
        _refuse_nul(value, name)
        if name in lists:
            values.setdefault(name, []).append(value)
        else:
            values[name] = value
    try:
        request = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _refused(str(error), values) from None
    _check_required(request)
    return request


@lru_cache(maxsize=256)
def _list_fields(kind: type[Request]) -> frozenset[str]:
    return frozenset(field.encode_name for field in msgspec.structs.fields(kind) if "list[" in str(field.type))


def _plain(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return None


def _refused(message: str, value: Any) -> BadInput:
    found = _PATH.search(message)
    path = found.group(1) if found else ""
    lacking = _MISSING.search(message)
    if lacking:
        return missing(f"{path}.{lacking.group(1)}" if path else lacking.group(1))
    reason = _PATH.sub("", message)
    if not path:
        return BadInput(f"The request body is not what this call takes: {reason}.", field="body")
    return invalid(path, _at(value, path), f"{reason}.")


def _at(value: Any, path: str) -> Any:
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return value


def _check_required(request: Request) -> None:
    for name in type(request).required:
        if getattr(request, name) in (None, ""):
            raise missing(name)


def check_items(items: Sequence[Item] | None, name: str) -> None:
    """Raise BadInput for the first item of a list that lacks a required field."""
    for position, item in enumerate(items or ()):
        check_item(item, f"{name}[{position}]")


def check_item(item: Item, path: str) -> None:
    """Raise BadInput for an item that lacks a required field."""
    for field in type(item).required:
        if getattr(item, field) in (None, ""):
            raise missing(f"{path}.{field}")


def encode(answer: Any) -> bytes:
    """Return an answer as JSON; parts that are None are left out where the struct says so."""
    return msgspec.json.encode(answer)


__all__ = ["Item", "Request", "check_item", "check_items", "decode_body", "decode_query", "encode", "invalid",
           "missing"]
