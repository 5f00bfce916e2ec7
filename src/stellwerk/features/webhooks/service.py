"""Making, changing and removing webhooks, and queueing messages for them."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from stellwerk.features import ledger
from stellwerk.features.webhooks import events, repository
from stellwerk.features.webhooks.repository import WAITING, Delivery, Webhook
from stellwerk.infra.outbound import Outbound, Refused, Unreachable
from stellwerk.infra.secret_box import SecretBox
from stellwerk.infra.tracking_database import Statements
from stellwerk.kernel.actor import Actor
from stellwerk.kernel.errors import BadInput, Conflict, NotFound
from stellwerk.kernel.hashing import sha256_hex
from stellwerk.kernel.ids import new_id, uuid7
from stellwerk.kernel.secret import Secret

READ = "webhooks.read"
WRITE = "webhooks.write"
_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?\Z")
_DESCRIPTION_LENGTH = 1000
_SECRET_LENGTH = 1000


def check_name(name: str) -> str:
    """Return a webhook's name; raises BadInput for one that is not allowed."""
    if not _NAME.match(name):
        raise BadInput(f"Webhook name {name[:100]!r} is invalid. It must start and end with a letter or digit, be at "
                       "most 63 characters long, and contain only letters, digits, dots (.), underscores (_), and "
                       "hyphens (-).", field="name", value=name[:100])
    return name


def check_url(outbound: Outbound, url: str) -> str:
    """Return a webhook's address; raises BadInput for one that no message may go to.

    It looks the host up, so it runs in a thread. A host that nobody knows now is taken: it is looked at again before
    every message.
    """
    if not url.strip():
        raise BadInput(f"Webhook URL cannot be empty or just whitespace: {url[:100]!r}", field="url")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise BadInput("Invalid webhook URL: it cannot be read as an address.", field="url") from None
    scheme = parts.scheme
    if scheme not in outbound.schemes:
        raise BadInput(f"Invalid webhook URL scheme: {scheme[:20]!r}. Allowed schemes are: "
                       f"{', '.join(outbound.schemes)}.", field="url", value=scheme[:20],
                       allowed=list(outbound.schemes),
                       hint="The setting outbound_http allows plain http." if scheme == "http" else None)
    if not parts.hostname:
        raise BadInput(f"Webhook URL must include a hostname: {url[:100]!r}", field="url")
    try:
        outbound.check(url)
    except Refused as error:
        raise BadInput(f"Invalid webhook URL: {error.message}", field="url", value=error.value, allowed=error.allowed,
                       hint=error.hint) from None
    except Unreachable:
        return url
    return url


def check_events(names: Sequence[str]) -> list[str]:
    """Return the events of a webhook, each once; raises BadInput where there is none."""
    if not names:
        raise BadInput("Webhook events must be a non-empty list of events.", field="events")
    return list(dict.fromkeys(names))


def _check_text(value: str | None, field: str, most: int) -> None:
    if value is not None and (len(value) > most or "\x00" in value):
        raise BadInput(f"'{field}' exceeds the maximum length of {most} characters, or holds a NUL.", field=field)


def _sealed(box: SecretBox, secret: Secret, webhook_id: str) -> bytes | None:
    if not secret.reveal():
        return None
    _check_text(secret.reveal(), "secret", _SECRET_LENGTH)
    return box.seal(secret, purpose(webhook_id))


def purpose(webhook_id: str) -> str:
    """Return what the secret of a webhook is sealed for."""
    return f"webhook {webhook_id}"


def create(st: Statements, actor: Actor, box: SecretBox, *, name: str, url: str, told: Sequence[str],
           description: str | None = None, secret: Secret | None = None, status: str = events.ACTIVE) -> Webhook:
    """Make a webhook; its address was checked before."""
    _check_text(description, "description", _DESCRIPTION_LENGTH)
    now, webhook_id = now_ms(), new_id()
    made = Webhook(webhook_id, check_name(name), url, description or None, status,
                   None if secret is None else _sealed(box, secret, webhook_id), now, now)
    repository.add(st, made, check_events(told))
    _note(st, actor, "webhook.created", made)
    return made


def get(st: Statements, webhook_id: str) -> Webhook:
    """Return a webhook; raises NotFound."""
    found = repository.get(st, webhook_id) if len(webhook_id) <= 36 else None
    if found is None:
        raise NotFound(f"Webhook with ID {webhook_id[:100]} not found.", field="webhook_id", value=webhook_id[:100])
    return found


def update(st: Statements, actor: Actor, box: SecretBox, webhook_id: str, *, name: str | None = None,
           url: str | None = None, told: Sequence[str] | None = None, description: str | None = None,
           secret: Secret | None = None, status: str | None = None) -> Webhook:
    """Change what is given of a webhook; an empty secret takes the signature away."""
    found = get(st, webhook_id)
    _check_text(description, "description", _DESCRIPTION_LENGTH)
    changed = found._replace(
        name=found.name if name is None else check_name(name), url=found.url if url is None else url,
        description=found.description if description is None else description or None,
        secret=found.secret if secret is None else _sealed(box, secret, webhook_id),
        status=found.status if status is None else status, updated_at=max(now_ms(), found.updated_at))
    repository.change(st, changed, None if told is None else check_events(told))
    _note(st, actor, "webhook.updated", changed)
    return changed


def delete(st: Statements, actor: Actor, webhook_id: str) -> None:
    """Remove a webhook; messages that wait for it are not sent any more."""
    found = get(st, webhook_id)
    repository.delete(st, webhook_id)
    ledger.record_tracked(st, actor, "webhook.deleted", "webhook", webhook_id, None, {"name": found.name})


def enqueue(st: Statements, event: str, data: Mapping[str, Any]) -> None:
    """Queue a message about an event for every webhook that is told about it, in the transaction of the change."""
    told = repository.told_about(st, event, events.ACTIVE)
    if not told:
        return
    body, now = events.body_of(event, data), now_ms()
    repository.add_deliveries(st, [Delivery(_message_id(), one, event, body, WAITING, 0, now, now, now)
                                   for one in told])


def _message_id() -> str:
    """Return an id that sorts by time within a millisecond too, so that messages leave in the order of the changes."""
    ms, rest = divmod(time.time_ns(), 1_000_000)
    return str(uuid7(ms, rest * 4096 // 1_000_000, secrets.randbits(62)))


def send_again(st: Statements, webhook_id: str, delivery_id: str) -> Delivery:
    """Let a dead message be tried again; raises NotFound, and Conflict for one that is not dead."""
    get(st, webhook_id)
    found = get_delivery(st, webhook_id, delivery_id)
    if not repository.wait_again(st, delivery_id, now_ms()):
        raise Conflict(f"The message is {found.state}; only a dead one is sent again.", field="state",
                       value=found.state, allowed="dead")
    repository.pause(st, webhook_id, 0, 0)
    return get_delivery(st, webhook_id, delivery_id)


def get_delivery(st: Statements, webhook_id: str, delivery_id: str) -> Delivery:
    """Return a message of a webhook; raises NotFound."""
    found = repository.get_delivery(st, webhook_id, delivery_id)
    if found is None:
        raise NotFound("The webhook has no message of that id.", field="delivery_id", value=delivery_id[:100])
    return found


def _note(st: Statements, actor: Actor, verb: str, webhook: Webhook) -> None:
    told = repository.events_of(st, [webhook.id])[webhook.id]
    # The path of an address often holds a credential, so readers see the host only.
    ledger.record_tracked(st, actor, verb, "webhook", webhook.id, state_of(st, webhook.id), {
        "name": webhook.name, "host": urlsplit(webhook.url).hostname or "", "status": webhook.status, "events": told})


def state_of(st: Statements, webhook_id: str) -> dict[str, Any] | None:
    """Return what of a webhook stands on the ledger; of its secret only the hash of the encrypted form."""
    found = repository.get(st, webhook_id)
    if found is None:
        return None
    return {"name": found.name, "url": found.url, "description": found.description, "status": found.status,
            "secret": None if found.secret is None else sha256_hex(found.secret), "created_at": found.created_at,
            "events": repository.events_of(st, [webhook_id])[webhook_id]}


def now_ms() -> int:
    """Return the present in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


TRACKED = ledger.TrackedSubject(state_of=state_of, ids_after=repository.ids_after)
