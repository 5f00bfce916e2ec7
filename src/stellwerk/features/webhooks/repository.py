"""Every query on webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from stellwerk.infra.tracking_database import Statements
from stellwerk.infra.tracking_database.statements import marks

_COLUMNS = "id, name, url, description, status, secret, created_at, updated_at, failures, paused_until"
_DELIVERY = ("id, webhook_id, event, body, state, attempts, created_at, queued_at, next_at, ended_at, last_status, "
             "last_error")
WAITING, DELIVERED, DEAD = "waiting", "delivered", "dead"


class Webhook(NamedTuple):
    """One webhook; times are milliseconds since 1970, ``secret`` is encrypted."""

    id: str
    name: str
    url: str
    description: str | None
    status: str
    secret: bytes | None
    created_at: int
    updated_at: int
    failures: int = 0
    paused_until: int = 0


class Delivery(NamedTuple):
    """One message to one webhook: ``waiting`` until it is ``delivered`` or ``dead``."""

    id: str
    webhook_id: str
    event: str
    body: str
    state: str
    attempts: int
    created_at: int
    queued_at: int
    next_at: int
    ended_at: int | None = None
    last_status: int | None = None
    last_error: str | None = None


def _webhook(row: tuple[Any, ...]) -> Webhook:
    found = Webhook(*row)
    return found if found.secret is None else found._replace(secret=bytes(found.secret))


def add(st: Statements, webhook: Webhook, events: Sequence[str]) -> None:
    """Insert a webhook with the events that it is told about."""
    st.modify(f"INSERT INTO webhook ({_COLUMNS}) VALUES ({marks(10)})", webhook)
    _add_events(st, webhook.id, events)


def _add_events(st: Statements, webhook_id: str, events: Sequence[str]) -> None:
    st.modify_many("INSERT INTO webhook_event (event, webhook_id, position) VALUES (?, ?, ?)",
                   [(event, webhook_id, position) for position, event in enumerate(events)])


def change(st: Statements, webhook: Webhook, events: Sequence[str] | None) -> None:
    """Write a webhook anew; None keeps its events. Messages that wait are tried at once."""
    st.modify("UPDATE webhook SET name = ?, url = ?, description = ?, status = ?, secret = ?, updated_at = ?, "
              "failures = 0, paused_until = 0 WHERE id = ?",
              (webhook.name, webhook.url, webhook.description, webhook.status, webhook.secret, webhook.updated_at,
               webhook.id))
    if events is not None:
        st.modify("DELETE FROM webhook_event WHERE webhook_id = ?", (webhook.id,))
        _add_events(st, webhook.id, events)


def delete(st: Statements, webhook_id: str) -> None:
    """Remove a webhook with its messages."""
    for table, column in (("webhook_delivery", "webhook_id"), ("webhook_event", "webhook_id"), ("webhook", "id")):
        st.modify(f"DELETE FROM {table} WHERE {column} = ?", (webhook_id,))


def get(st: Statements, webhook_id: str) -> Webhook | None:
    """Return one webhook."""
    row = st.fetch_one(f"SELECT {_COLUMNS} FROM webhook WHERE id = ?", (webhook_id,))
    return None if row is None else _webhook(row)


def page(st: Statements, after: Sequence[Any] | None, limit: int) -> list[Webhook]:
    """Return webhooks, newest first, behind a (creation time, id)."""
    where = "" if after is None else "WHERE created_at < ? OR (created_at = ? AND id < ?) "
    values = () if after is None else (after[0], after[0], after[1])
    return [_webhook(row) for row in st.fetch_all(
        f"SELECT {_COLUMNS} FROM webhook {where}ORDER BY created_at DESC, id DESC LIMIT ?", (*values, limit))]


def events_of(st: Statements, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the events of webhooks by id, in the order in which they were named."""
    found: dict[str, list[str]] = {one: [] for one in ids}
    if ids:
        for webhook_id, event in st.fetch_all(
                f"SELECT webhook_id, event FROM webhook_event WHERE webhook_id IN ({marks(len(ids))}) "
                "ORDER BY webhook_id, position", ids):
            found[webhook_id].append(event)
    return found


def ids_after(st: Statements, after: str, limit: int) -> list[str]:
    """Return the next ids of webhooks in order."""
    return [row[0] for row in st.fetch_all("SELECT id FROM webhook WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]


def told_about(st: Statements, event: str, active: str) -> list[str]:
    """Return the ids of the active webhooks that are told about an event."""
    return [row[0] for row in st.fetch_all(
        "SELECT w.id FROM webhook_event e JOIN webhook w ON w.id = e.webhook_id WHERE e.event = ? AND w.status = ? "
        "ORDER BY w.id", (event, active))]


def add_deliveries(st: Statements, deliveries: Sequence[Delivery]) -> None:
    """Insert messages."""
    st.modify_many(f"INSERT INTO webhook_delivery ({_DELIVERY}) VALUES ({marks(12)})", deliveries)


def get_delivery(st: Statements, webhook_id: str, delivery_id: str) -> Delivery | None:
    """Return one message of a webhook."""
    row = st.fetch_one(f"SELECT {_DELIVERY} FROM webhook_delivery WHERE id = ? AND webhook_id = ?",
                       (delivery_id, webhook_id))
    return None if row is None else Delivery(*row)


def deliveries(st: Statements, webhook_id: str, before: str | None, limit: int) -> list[Delivery]:
    """Return messages of a webhook, newest first, older than one of them."""
    where, values = ("", ()) if before is None else (" AND id < ?", (before,))
    return [Delivery(*row) for row in st.fetch_all(
        f"SELECT {_DELIVERY} FROM webhook_delivery WHERE webhook_id = ?{where} ORDER BY id DESC LIMIT ?",
        (webhook_id, *values, limit))]


def counts(st: Statements, webhook_id: str) -> dict[str, int]:
    """Return how many messages of a webhook are in each state."""
    known = dict.fromkeys((WAITING, DELIVERED, DEAD), 0)
    return known | {row[0]: int(row[1]) for row in st.fetch_all(
        "SELECT state, count(*) FROM webhook_delivery WHERE webhook_id = ? GROUP BY state", (webhook_id,))}


def webhooks_with_due(st: Statements, active: str, now: int) -> list[str]:
    """Return the ids of active webhooks for which a message is due."""
    return [row[0] for row in st.fetch_all(
        "SELECT w.id FROM webhook w WHERE w.status = ? AND w.paused_until <= ? AND EXISTS (SELECT 1 FROM "
        "webhook_delivery d WHERE d.webhook_id = w.id AND d.state = ? AND d.next_at <= ?) ORDER BY w.id",
        (active, now, WAITING, now))]


def next_due(st: Statements, webhook_id: str, active: str, now: int) -> tuple[Webhook, Delivery] | None:
    """Return a webhook with its next due message: of those tried least often the oldest."""
    found = get(st, webhook_id)
    if found is None or found.status != active or found.paused_until > now:
        return None
    row = st.fetch_one(
        f"SELECT {_DELIVERY} FROM webhook_delivery WHERE webhook_id = ? AND state = ? AND next_at <= ? "
        "ORDER BY attempts, next_at, id LIMIT 1", (webhook_id, WAITING, now))
    return None if row is None else (found, Delivery(*row))


def note_attempt(st: Statements, delivery: Delivery) -> bool:
    """Write what an attempt led to; returns False where the message has gone meanwhile."""
    return bool(st.modify(
        "UPDATE webhook_delivery SET state = ?, attempts = ?, next_at = ?, ended_at = ?, last_status = ?, "
        "last_error = ? WHERE id = ? AND state = ?",
        (delivery.state, delivery.attempts, delivery.next_at, delivery.ended_at, delivery.last_status,
         delivery.last_error, delivery.id, WAITING)))


def pause(st: Statements, webhook_id: str, failures: int, until: int) -> None:
    """Write how often a webhook failed in a row, and until when nothing is sent to it."""
    st.modify("UPDATE webhook SET failures = ?, paused_until = ? WHERE id = ?", (failures, until, webhook_id))


def give_up_old(st: Statements, webhook_id: str, before: int, now: int, why: str) -> None:
    """End the messages of a webhook that wait since before a moment."""
    st.modify("UPDATE webhook_delivery SET state = ?, ended_at = ?, last_error = ? WHERE webhook_id = ? AND state = ? "
              "AND queued_at < ?", (DEAD, now, why, webhook_id, WAITING, before))


def wait_again(st: Statements, delivery_id: str, now: int) -> bool:
    """Let a dead message be tried again from the start; returns False where it is not dead."""
    return bool(st.modify("UPDATE webhook_delivery SET state = ?, attempts = 0, next_at = ?, queued_at = ?, "
                          "ended_at = NULL WHERE id = ? AND state = ?", (WAITING, now, now, delivery_id, DEAD)))


def forget_ended(st: Statements, before: int) -> int:
    """Remove messages that ended before a moment; returns how many."""
    return st.modify("DELETE FROM webhook_delivery WHERE ended_at < ?", (before,))
