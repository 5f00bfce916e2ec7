"""Judges a filter's clauses against the vocabulary of a search and turns them into comparisons."""

from __future__ import annotations

from collections.abc import Iterable

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search.clauses import Clause, read_clauses
from stellwerk.protocols.mlflow.search.comparison import Comparison
from stellwerk.protocols.mlflow.search.surface import (
    DATASET_KEYS,
    LIST_OPS,
    NULL_OPS,
    NUMERIC_OPS,
    RUNS,
    TEXT_OPS,
    Surface,
)
from stellwerk.protocols.mlflow.search.tokens import Kind, shown
from stellwerk.protocols.mlflow.search.values import (
    integer,
    is_text,
    list_value,
    number,
    real,
    text_value,
    unquoted,
)


def parse_filter(text: str | None, surface: Surface) -> tuple[Comparison, ...]:
    """Return what the filter asks; raise BadInput for whatever this search does not understand."""
    return tuple(_comparison(clause, surface) for clause in read_clauses(text))


def identify(written: str, surface: Surface, attributes: Iterable[str], field: str) -> tuple[str, str]:
    """Return kind and key of a name as written, attributes as spelled; raise BadInput where it names nothing."""
    entity, dot, rest = written.partition(".")
    kind = "attribute"
    if dot:
        plain = entity[1:-1] if surface.backticks and len(entity) >= 2 and entity[0] == entity[-1] == "`" else entity
        if plain not in surface.entities:
            message = f"Invalid entity type '{shown(plain)}'. Valid values are {list(surface.known)}"
            raise BadInput(message, field=field, value=shown(plain), allowed=list(surface.known))
        kind = surface.entities[plain]
    key = unquoted(rest if dot else entity)
    known = sorted(DATASET_KEYS if kind == "dataset" else attributes)
    if kind in ("attribute", "dataset") and key not in known:
        message = f"Invalid {kind} key '{shown(key)}' specified. Valid keys are {known}"
        raise BadInput(message, field=field, value=shown(key), allowed=known)
    return kind, key


def _comparison(clause: Clause, surface: Surface) -> Comparison:
    if clause.left.kind is not Kind.NAME:
        message = f"Invalid comparison clause. Expected 'Identifier' found '{shown(clause.left.text)}'"
        raise BadInput(message, field="filter", value=shown(clause.left.text))
    kind, spelled = identify(clause.left.text, surface, surface.attributes, "filter")
    key = surface.attributes[spelled] if kind == "attribute" else spelled
    if clause.op in NULL_OPS:
        return _null_test(clause, kind, key, surface)
    numeric = kind == "metric" or (kind == "attribute" and key in surface.numeric)
    value = _number(clause, kind, key, surface) if numeric else _text(clause, kind, key, surface)
    allowed = _allowed(kind, key, numeric, surface)
    if clause.op not in allowed:
        raise _bad_comparator(clause.op, kind, key, allowed, surface)
    if isinstance(value, tuple) != (clause.op in LIST_OPS):
        message = f"Expected a quoted string value for {kind} '{shown(key)}'. Got value {shown(clause.right_text)}"
        raise BadInput(message, field="filter", value=shown(clause.right_text))
    if kind == "attribute" and key == "experiment_id":
        value = tuple(map(_experiment_id, value)) if isinstance(value, tuple) else _experiment_id(str(value))
    return Comparison(kind, key, clause.op, value)


def _null_test(clause: Clause, kind: str, key: str, surface: Surface) -> Comparison:
    if kind in surface.null:
        return Comparison(kind, key, clause.op, None)
    if not surface.null:
        raise _bad_comparator(clause.op, kind, key, TEXT_OPS, surface)
    where = "tags and params" if "param" in surface.null else "tags"
    message = f"IS NULL / IS NOT NULL is only supported for {where}, not for '{kind}' '{shown(key)}'"
    raise BadInput(message, field="filter", value=clause.op, allowed=sorted(surface.null))


def _number(clause: Clause, kind: str, key: str, surface: Surface) -> int | float:
    token = clause.right[0] if len(clause.right) == 1 and not clause.listed else None
    if token is not None and key in surface.quoted and kind == "attribute" and is_text(clause):
        value = integer(text_value(token).strip())
        if value is not None:
            return value
        raise _bad_number(key, token.text)
    if token is None or token.kind not in (Kind.INTEGER, Kind.FLOAT):
        what = "metric" if kind == "metric" else f"numeric attribute: {key}"
        message = f"Expected numeric value type for {what}. Found {shown(clause.right_text)}"
        raise BadInput(message, field="filter", value=shown(clause.right_text), allowed="a number")
    if kind == "metric":
        return real(token)
    if token.kind is Kind.FLOAT and key in surface.whole:
        raise _bad_number(key, token.text)
    return number(token, key)


def _bad_number(key: str, found: str) -> BadInput:
    message = f"Invalid value for numeric attribute '{key}': {shown(found)!r}"
    return BadInput(message, field="filter", value=shown(found), allowed="an integer of 64 bits")


def _text(clause: Clause, kind: str, key: str, surface: Surface) -> str | tuple[str, ...]:
    if clause.listed and kind == "dataset":
        return list_value(clause)
    if clause.listed and kind == "attribute":
        if key in surface.listed:
            return list_value(clause)
        known = sorted(surface.listed)
        message = f"Only {known} attributes support comparison with a list of quoted string values."
        raise BadInput(message, field="filter", value=key, allowed=known)
    if is_text(clause):
        return text_value(clause.right[0])
    found = shown(clause.right_text)
    if kind == "attribute" and surface.quoted and _is_number(clause):
        message = f"Only the {sorted(surface.numeric)} attributes support comparison with numeric values."
    elif kind in ("attribute", "dataset"):
        what = "attributes" if kind == "attribute" else "dataset attributes"
        either = "" if surface.null else " or a list of quoted string values"
        message = f"Expected a quoted string value{either} for {what}. Got value {found}"
    else:
        name = "parameter" if kind == "param" else kind
        message = f"Expected a quoted string value for {name} (e.g. 'my-value'). Got value {found}"
    raise BadInput(message, field="filter", value=found, allowed="a string in quotes")


def _is_number(clause: Clause) -> bool:
    return not clause.listed and clause.right[0].kind in (Kind.INTEGER, Kind.FLOAT)


def _allowed(kind: str, key: str, numeric: bool, surface: Surface) -> tuple[str, ...]:
    if numeric:
        return NUMERIC_OPS
    if key == "experiment_id" and kind == "attribute":
        return ("=", "!=", *LIST_OPS)
    lists = LIST_OPS if kind == "dataset" or (kind == "attribute" and key in surface.listed) else ()
    return (*TEXT_OPS, *lists, *(NULL_OPS if kind in surface.null else ()))


def _bad_comparator(op: str, kind: str, key: str, allowed: tuple[str, ...], surface: Surface) -> BadInput:
    if surface is RUNS:
        message = f"Invalid comparator '{shown(op)}' not one of {list(allowed)}"
    else:
        message = f"Invalid comparator for {kind}: {shown(op)} (of '{shown(key)}'). Expected one of {list(allowed)}"
    return BadInput(message, field="filter", value=shown(op), allowed=list(allowed))


def _experiment_id(text: str) -> str:
    found = integer(text.strip())
    if found is None:
        message = f"Invalid experiment ID '{shown(text)}'. Experiment ID must be a valid integer."
        raise BadInput(message, field="filter", value=shown(text), allowed="a number in quotes")
    return str(found)
