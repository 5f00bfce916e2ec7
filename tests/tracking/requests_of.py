"""Requests made from the structs of raw routes: most fields fit, some are at a limit, some of another kind."""

from __future__ import annotations

import types
import typing
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from hypothesis import strategies as st

from stellwerk.apps.server import RAW_MODULES, _named
from stellwerk.infra.http.raw import Endpoint

NASTY = ("", " ", "\x00", "a\x00b", "\x1f", "a" * 251, "é" * 3000, "../../etc/passwd", "..%2f", "%00", "%", "?", "#", "/",
         "//", "a/b", "😀", "\u202e", "\ufffe", "'; DROP TABLE run; --", "NaN", "-1", "1e400", "9" * 30, "true", "null",
         "{}", "[" * 100, "models:/m-" + "0" * 32, "runs:/x/y", "file:///etc/passwd", "mlflow-artifacts:/0/x", "W10=",
         "metrics.a > 1", "tags.a LIKE '%\x00'", "name = 'x' AND", "params.`a`` = 'b'", "start_time DESC", "metrics.a ASC",
         "READY", "FINISHED", "ACTIVE_ONLY", "Production", "latest", "v1", "LOGGED_MODEL_READY", "experiment.created")
_INTS = (0, 1, -1, 2, 3, 100, 1000, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**40)
_FLOATS = (0.0, -0.0, 1.5, -1e308, 1e308, 5e-324)
_OTHERS: tuple[Any, ...] = (None, True, 0, -1, 1.5, "x", [], {}, [None], [[]], [{}], {"a": 1}, [1, "a"], {"key": "a"})
Pool = dict[str, Sequence[str]]


def endpoints() -> list[Endpoint]:
    """Return every raw route once, not its twins under other prefixes."""
    found = [one for reference in RAW_MODULES for one in _named(reference).endpoints]
    return [one for one in found if not one.path.startswith("/ajax-api")]


def text(pool: Pool, name: str) -> st.SearchStrategy[str]:
    """Return texts for a field: what is known by that name more often than not."""
    known = list(pool.get(name, ())) or [one for values in pool.values() for one in values]
    return st.one_of(st.sampled_from(known), st.sampled_from(known), st.sampled_from(NASTY), st.text(max_size=20))


def values(kind: Any, pool: Pool, name: str) -> st.SearchStrategy[Any]:
    """Return values of a field's type."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(one, pool, name) for one in typing.get_args(kind)])
    if origin in (list, tuple):
        return st.lists(values(typing.get_args(kind)[0], pool, name.removesuffix("s")), max_size=3)
    if origin is dict:
        return st.dictionaries(text(pool, name), values(typing.get_args(kind)[1], pool, name), max_size=3)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return objects(kind, pool)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: text(pool, name), int: st.one_of(st.sampled_from(_INTS), st.integers(-5, 5), st.integers()),
        float: st.one_of(st.sampled_from(_FLOATS), st.floats()), bool: st.booleans(), type(None): st.none()}
    return plain.get(kind, st.sampled_from(_OTHERS))


def objects(kind: type[msgspec.Struct], pool: Pool) -> st.SearchStrategy[dict[str, Any]]:
    """Return JSON objects for a struct; each field may be left out, or be of any other kind now and then."""
    hints = typing.get_type_hints(kind)
    required, optional = {}, {}
    for field in msgspec.structs.fields(kind):
        fitting = values(hints[field.name], pool, field.encode_name)
        needed = field.encode_name in getattr(kind, "required", ()) or field.encode_name in ("run_id", "max_results")
        target = required if needed else optional
        target[field.encode_name] = st.one_of(*[fitting] * 5, st.sampled_from(_OTHERS))
    return st.fixed_dictionaries(required, optional=optional)


def paths(endpoint: Endpoint, pool: Pool) -> st.SearchStrategy[str]:
    """Return addresses of a route, its parameters encoded."""
    parts = endpoint.path.split("{")
    result = st.just(parts[0])
    for part in parts[1:]:
        name, _, rest = part.partition("}")
        safe = "/" if name.endswith(":path") else ""
        encoded = text(pool, name.removesuffix(":path")).map(lambda value, safe=safe: quote(value, safe=safe) or "x")
        result = st.tuples(result, encoded, st.just(rest)).map("".join)
    return result
