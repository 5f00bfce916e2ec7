"""Requests on webhooks."""

from __future__ import annotations

from typing import ClassVar

from stellwerk.protocols.mlflow.decoding import Item, Request


class Event(Item):
    """What a webhook is told about."""

    entity: str | int | None = None
    action: str | int | None = None


class CreateWebhook(Request):
    """Make a webhook."""

    required: ClassVar[tuple[str, ...]] = ("name", "url", "events")
    name: str | None = None
    url: str | None = None
    events: list[Event] | None = None
    description: str | None = None
    secret: str | None = None
    status: str | int | None = None


class ListWebhooks(Request):
    """List webhooks."""

    max_results: int | None = None
    page_token: str | None = None


class UpdateWebhook(Request):
    """Change a webhook."""

    name: str | None = None
    url: str | None = None
    events: list[Event] | None = None
    description: str | None = None
    secret: str | None = None
    status: str | int | None = None


class TestWebhook(Request):
    """Send an example message."""

    event: Event | None = None
