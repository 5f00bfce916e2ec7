"""Webhooks in MLflow's protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from stellwerk.features.webhooks import events, repository, sending, service
from stellwerk.features.webhooks.repository import Webhook
from stellwerk.features.webhooks.service import READ, WRITE
from stellwerk.infra.http.raw import Call
from stellwerk.infra.http.raw.mlflow import mlflow_routes
from stellwerk.infra.outbound import Outbound
from stellwerk.infra.secret_box import SecretBox
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.route import allow
from stellwerk.kernel.secret import Secret
from stellwerk.protocols.mlflow import paging
from stellwerk.protocols.mlflow.wire import webhooks as wire

routes = mlflow_routes("/mlflow/webhooks")
_MOST = 1000


def entity(found: Webhook, told: Sequence[str]) -> dict[str, Any]:
    """Return a webhook as clients read it; never its secret."""
    parts: dict[str, Any] = {
        "webhook_id": found.id, "name": found.name, "url": found.url, "status": found.status,
        "events": [{"entity": kind.upper(), "action": verb.upper()}
                   for kind, _, verb in (event.partition(".") for event in told)],
        "creation_timestamp": found.created_at, "last_updated_timestamp": found.updated_at}
    return parts | ({"description": found.description} if found.description else {})


def _answer(st: Statements, found: Webhook) -> dict[str, Any]:
    return {"webhook": entity(found, repository.events_of(st, [found.id])[found.id])}


def _told(named: list[wire.Event]) -> list[str]:
    return [events.event_of(one.entity, one.action, f"events[{position}]") for position, one in enumerate(named)]


def _box(call: Call) -> SecretBox:
    return SecretBox(call.installation.home.keys_dir)


async def _checked(call: Call, url: str) -> str:
    return await asyncio.to_thread(service.check_url, Outbound(call.installation.settings), url)


@routes.post("", allow(WRITE, "installation"), wire.CreateWebhook)
async def create(call: Call, body: wire.CreateWebhook) -> dict[str, Any]:
    """Make a webhook."""
    name, told = service.check_name(body.name or ""), _told(body.events or [])
    status = events.status_of(body.status) if body.status else events.ACTIVE
    url, box = await _checked(call, body.url or ""), _box(call)
    secret = Secret(body.secret) if body.secret else None
    return await call.tracking.write_async(lambda st: _answer(st, service.create(
        st, call.actor, box, name=name, url=url, told=told, description=body.description, secret=secret,
        status=status)))


@routes.get("", allow(READ, "installation"), wire.ListWebhooks)
async def list_webhooks(call: Call, body: wire.ListWebhooks) -> dict[str, Any]:
    """Return webhooks, newest first."""
    size = body.max_results or 100
    if not 1 <= size <= _MOST:
        raise BadInput(f"max_results must be between 1 and {_MOST}.", field="max_results", value=size)
    mark = paging.query_mark("webhooks")
    position = paging.read_token(body.page_token, mark, (int, str))

    def query(st: Statements) -> dict[str, Any]:
        found = repository.page(st, position, size + 1)
        page = found[:size]
        told = repository.events_of(st, [one.id for one in page])
        answer: dict[str, Any] = {"webhooks": [entity(one, told[one.id]) for one in page]}
        if len(found) > size:
            answer["next_page_token"] = paging.make_token(mark, [page[-1].created_at, page[-1].id])
        return answer

    return await call.tracking.read_async(query)


@routes.get("/{webhook_id}", allow(READ, "installation"))
async def get(call: Call) -> dict[str, Any]:
    """Return a webhook."""
    return await call.tracking.look_up(lambda st: _answer(st, service.get(st, call.path["webhook_id"])))


@routes.patch("/{webhook_id}", allow(WRITE, "installation"), wire.UpdateWebhook)
async def update(call: Call, body: wire.UpdateWebhook) -> dict[str, Any]:
    """Change a webhook."""
    webhook_id = call.path["webhook_id"]
    told = _told(body.events) if body.events else None
    status = events.status_of(body.status) if body.status else None
    url, box = await _checked(call, body.url) if body.url else None, _box(call)
    secret = None if body.secret is None else Secret(body.secret)
    return await call.tracking.write_async(lambda st: _answer(st, service.update(
        st, call.actor, box, webhook_id, name=body.name or None, url=url, told=told, description=body.description,
        secret=secret, status=status)))


@routes.delete("/{webhook_id}", allow(WRITE, "installation"))
async def delete(call: Call) -> dict[str, Any]:
    """Remove a webhook."""
    await call.tracking.write_async(lambda st: service.delete(st, call.actor, call.path["webhook_id"]))
    return {}


@routes.post("/{webhook_id}/test", allow(WRITE, "installation"), wire.TestWebhook)
async def test(call: Call, body: wire.TestWebhook) -> dict[str, Any]:
    """Send an example message now and return what the receiver answered."""
    event = None if body.event is None else events.event_of(body.event.entity, body.event.action, "event")

    def query(st: Statements) -> tuple[Webhook, str]:
        found = service.get(st, call.path["webhook_id"])
        return found, event or repository.events_of(st, [found.id])[found.id][0]

    found, chosen = await call.tracking.look_up(query)
    outcome = await asyncio.to_thread(sending.send_example, Outbound(call.installation.settings), _box(call), found,
                                      chosen)
    result: dict[str, Any] = {"success": outcome.delivered}
    if outcome.status is None:
        result["error_message"] = f"Failed to test webhook: {outcome.error}"
    else:
        result |= {"response_status": outcome.status, "response_body": outcome.body}
    return {"result": result}
