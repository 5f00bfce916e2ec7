"""Who is told of changes: listeners run inside the transaction of the change, so what they write stays or falls with
it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stellwerk.infra.tracking_database import Statements

MODEL_CREATED = "registered_model.created"
VERSION_CREATED = "model_version.created"
TAG_SET = "model_version_tag.set"
TAG_DELETED = "model_version_tag.deleted"
ALIAS_CREATED = "model_version_alias.created"
ALIAS_DELETED = "model_version_alias.deleted"
EVENTS = (MODEL_CREATED, VERSION_CREATED, TAG_SET, TAG_DELETED, ALIAS_CREATED, ALIAS_DELETED)

Listener = Callable[[Statements, str, dict[str, Any]], None]
"""Takes the statements of the open transaction, the name of the event and its payload."""

LISTENERS: list[Listener] = []


def add_listener(listener: Listener) -> None:
    """Let a listener hear of every change; the same one twice hears of it once."""
    if listener not in LISTENERS:
        LISTENERS.append(listener)


def publish(st: Statements, name: str, payload: dict[str, Any]) -> None:
    """Tell all listeners of a change; an error of one undoes the change."""
    for listener in LISTENERS:
        listener(st, name, payload)
