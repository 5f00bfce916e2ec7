"""The search of logged models, which has a grammar of its own: plural entities, bare values, orders as objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.search.clauses import Clause, read_clauses
from stellwerk.protocols.mlflow.search.comparison import Comparison, Order
from stellwerk.protocols.mlflow.search.orders import check_count, unique
from stellwerk.protocols.mlflow.search.surface import LIST_OPS, NUMERIC_OPS, TEXT_OPS
from stellwerk.protocols.mlflow.search.tokens import MAX_BYTES, Kind, check_text, shown
from stellwerk.protocols.mlflow.search.values import list_value, number, real, unquoted

_ENTITIES = {"attributes": "attribute", "metrics": "metric", "params": "param", "tags": "tag"}
_ATTRIBUTES = {
    **{name: name for name in ("name", "model_id", "model_type", "status", "source_run_id")},
    **dict.fromkeys(("creation_time", "creation_timestamp", "creation_timestamp_ms"), "creation_timestamp"),
    **dict.fromkeys(
        ("last_updated_time", "last_updated_timestamp", "last_updated_timestamp_ms"), "last_updated_timestamp"
    ),
}
_NUMERIC = frozenset({"creation_timestamp", "last_updated_timestamp"})


def parse_filter(text: str | None) -> tuple[Comparison, ...]:
    """Return what a filter of logged models asks; raise BadInput for whatever this search does not understand."""
    return tuple(_comparison(clause) for clause in read_clauses(text, "Invalid filter string"))


def _comparison(clause: Clause) -> Comparison:
    kind, key = _identify(clause)
    numeric = kind == "metric" or (kind == "attribute" and key in _NUMERIC)
    allowed = NUMERIC_OPS if numeric else (*TEXT_OPS, *LIST_OPS)
    if clause.op not in allowed:
        message = f"Invalid comparison operator for {shown(clause.left.text)}: {shown(clause.op)!r}. "
        raise BadInput(f"{message}Expected one of {allowed}.", field="filter", value=shown(clause.op), allowed=allowed)
    if clause.listed != (clause.op in LIST_OPS):
        message = f"Expected a quoted string value for {shown(clause.left.text)}. Got value {shown(clause.right_text)}"
        raise BadInput(message, field="filter", value=shown(clause.right_text))
    return Comparison(kind, key, clause.op, _number(clause, kind, key) if numeric else _text(clause))


def _identify(clause: Clause) -> tuple[str, str]:
    if clause.left.kind is not Kind.NAME:
        message = f"Invalid comparison clause. Expected 'Identifier' found '{shown(clause.left.text)}'"
        raise BadInput(message, field="filter", value=shown(clause.left.text))
    entity, dot, rest = clause.left.text.partition(".")
    if dot and entity not in _ENTITIES:
        message = f"Invalid entity type: {shown(entity)!r}. Expected one of {list(_ENTITIES)}."
        raise BadInput(message, field="filter", value=shown(entity), allowed=list(_ENTITIES))
    kind = _ENTITIES[entity] if dot else "attribute"
    key = unquoted(rest if dot else entity)
    if kind == "attribute" and key not in _ATTRIBUTES:
        known = sorted(_ATTRIBUTES)
        message = f"Invalid attribute key '{shown(key)}' specified. Valid keys are {known}"
        raise BadInput(message, field="filter", value=shown(key), allowed=known)
    return kind, _ATTRIBUTES[key] if kind == "attribute" else key


def _number(clause: Clause, kind: str, key: str) -> int | float:
    token = clause.right[0]
    if token.kind not in (Kind.INTEGER, Kind.FLOAT):
        message = f"Expected numeric value type for {kind} '{shown(key)}'. Found {shown(token.text)}"
        raise BadInput(message, field="filter", value=shown(token.text), allowed="a number")
    return real(token) if kind == "metric" else number(token, key)


def _text(clause: Clause) -> str | tuple[str, ...]:
    if clause.listed:
        return list_value(clause)
    text = clause.right[0].text
    # MLflow's own hint compares a param with a bare number, so values may lack their quotes here.
    return text[1:-1] if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"" else text


def parse_order(entries: Sequence[Mapping[str, Any]]) -> tuple[Order, ...]:
    """Return the keys to order by, later duplicates left out; raise BadInput for unknown or ill-formed ones."""
    check_count(entries)
    return unique([_order(entry) for entry in entries])


def _order(entry: object) -> Order:
    if not isinstance(entry, Mapping):
        raise BadInput("`order_by` must be a list of dictionaries.", field="order_by", value=shown(repr(entry)))
    if entry.get("field_name") is None:
        message = "`field_name` in the `order_by` clause must be specified."
        raise BadInput(message, field="order_by", allowed=["metrics.<name>", *sorted(_ATTRIBUTES)])
    name = check_text(entry["field_name"], "order_by", MAX_BYTES)
    kind, key = _order_key(name)
    ascending = True if entry.get("ascending") is None else entry["ascending"]
    if not isinstance(ascending, bool):
        message = "Value of `ascending` in the `order_by` clause must be a boolean, got "
        message += f"{type(ascending).__name__} for field {shown(name)}."
        raise BadInput(message, field="order_by", value=shown(repr(ascending)), allowed=[True, False])
    dataset, digest = (_dataset(entry, part) for part in ("dataset_name", "dataset_digest"))
    if digest and not dataset:
        message = "`dataset_digest` can only be specified if `dataset_name` is also specified."
        raise BadInput(message, field="order_by", value=shown(digest))
    # A data set says nothing about an attribute, and MLflow lets it pass.
    return Order(kind, key, not ascending, *((dataset, digest) if kind == "metric" else ()))


def _order_key(name: str) -> tuple[str, str]:
    entity, dot, rest = name.partition(".")
    if dot and entity == "metrics" and rest:
        return "metric", rest
    if dot:
        message = f"Invalid order by field name: {shown(name)}. Only metrics are supported."
        raise BadInput(message, field="order_by", value=shown(name), allowed="metrics.<name>")
    if name.strip() not in _ATTRIBUTES:
        known = sorted(_ATTRIBUTES)
        message = f"Invalid order by field name: {shown(name)}"
        raise BadInput(message, field="order_by", value=shown(name), allowed=known)
    return "attribute", _ATTRIBUTES[name.strip()]


def _dataset(entry: Mapping[Any, Any], part: str) -> str | None:
    value = entry.get(part)
    return None if value is None or value == "" else check_text(value, "order_by", MAX_BYTES)
