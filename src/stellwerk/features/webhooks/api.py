"""Messages of webhooks: what was sent, what waits, what was given up."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query

from stellwerk.features.webhooks import repository, service
from stellwerk.features.webhooks.repository import Delivery
from stellwerk.features.webhooks.service import READ, WRITE
from stellwerk.infra.http.dependencies import CurrentInstallation
from stellwerk.infra.http.routing import api_routes
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel import clock
from stellwerk.kernel.route import allow

routes = api_routes("/webhooks", tag="webhooks")


def view(found: Delivery) -> dict[str, Any]:
    """Return a message without its content."""
    waits = found.state == repository.WAITING
    return {"id": found.id, "event": found.event, "state": found.state, "attempts": found.attempts,
            "created_at": _time(found.created_at), "next_at": _time(found.next_at) if waits else None,
            "ended_at": _time(found.ended_at), "last_status": found.last_status, "last_error": found.last_error}


def _time(moment: int | None) -> str | None:
    return None if moment is None else clock.iso_us(moment * 1000)


def deliveries_view(st: Statements, webhook_id: str, before: str | None, limit: int) -> dict[str, Any]:
    """Return a webhook's condition and a page of its messages, newest first; raises NotFound."""
    found = service.get(st, webhook_id)
    messages = repository.deliveries(st, webhook_id, before, limit + 1)
    paused = found.paused_until > service.now_ms()
    return {"webhook": {"id": found.id, "name": found.name, "status": found.status, "failures": found.failures,
                        "paused_until": _time(found.paused_until) if paused else None,
                        "counts": repository.counts(st, webhook_id)},
            "deliveries": [view(one) for one in messages[:limit]],
            "next": messages[limit - 1].id if len(messages) > limit else None}


@routes.get("/{webhook_id}/deliveries", allow(READ, "installation"))
def list_deliveries(webhook_id: str, installation: CurrentInstallation,
                    before: Annotated[str | None, Query(max_length=36)] = None,
                    limit: Annotated[int, Query(ge=1, le=200)] = 50) -> dict[str, Any]:
    """Return a webhook's messages, newest first; ``next`` is the ``before`` of the following page."""
    return installation.tracking.read(lambda st: deliveries_view(st, webhook_id, before, limit))


@routes.get("/{webhook_id}/deliveries/{delivery_id}", allow(READ, "installation"))
def get_delivery(webhook_id: str, delivery_id: str, installation: CurrentInstallation) -> dict[str, Any]:
    """Return one message with its content."""
    found = installation.tracking.read(lambda st: service.get_delivery(st, webhook_id, delivery_id))
    return {**view(found), "body": json.loads(found.body)}


@routes.post("/{webhook_id}/deliveries/{delivery_id}/retry", allow(WRITE, "installation"))
def retry_delivery(webhook_id: str, delivery_id: str, installation: CurrentInstallation) -> dict[str, Any]:
    """Let a message that was given up be tried again."""
    return view(installation.tracking.write(lambda st: service.send_again(st, webhook_id, delivery_id)))
