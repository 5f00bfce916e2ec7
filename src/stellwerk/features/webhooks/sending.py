"""One attempt: the signed message as MLflow's own server sends it, and what the answer means."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC

from stellwerk.features.webhooks import events, service
from stellwerk.features.webhooks.repository import Webhook
from stellwerk.infra.outbound import Outbound, OutboundAnswer, Refused, Unreachable
from stellwerk.infra.secret_box import SecretBox
from stellwerk.kernel.errors import StellwerkError
from stellwerk.kernel.ids import new_id
from stellwerk.kernel.secret import Secret

SECONDS = 10.0
_MOST_BYTES = 16_384
_AGAIN = frozenset({408, 425, 429})
_SECONDS = re.compile(r"[0-9]{1,9}\Z")


@dataclass(frozen=True)
class Outcome:
    """What an attempt led to: ``again`` tells whether another may help, ``wait_ms`` how long the receiver asks for."""

    status: int | None = None
    error: str | None = None
    again: bool = False
    wait_ms: int = 0
    body: str | None = None

    @property
    def delivered(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300


def signature(secret: Secret, delivery_id: str, timestamp: str, body: str) -> str:
    """Return the signature header of a message, as Standard Webhooks and MLflow make it."""
    signed = f"{delivery_id}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(secret.reveal().encode(), signed, hashlib.sha256)).decode()


def send(outbound: Outbound, box: SecretBox, webhook: Webhook, delivery_id: str, body: str, now: int) -> Outcome:
    """Send a message once and return what came of it; the id tells a receiver which messages it has seen."""
    timestamp = str(now // 1000)
    headers = {"Content-Type": "application/json", "X-MLflow-Delivery-Id": delivery_id,
               "X-MLflow-Timestamp": timestamp}
    try:
        if webhook.secret is not None:
            secret = box.open(webhook.secret, service.purpose(webhook.id))
            headers["X-MLflow-Signature"] = signature(secret, delivery_id, timestamp, body)
        answer = outbound.send("POST", webhook.url, headers=headers, body=body.encode(), seconds=SECONDS,
                               most_bytes=_MOST_BYTES)
    except Refused as error:
        return Outcome(error=error.message)
    except Unreachable as error:
        return Outcome(error=error.message, again=True)
    except StellwerkError as error:
        # The key of the secrets may be put back.
        return Outcome(error=error.message, again=True)
    return _judged(answer, now)


def _judged(answer: OutboundAnswer, now: int) -> Outcome:
    body = answer.body.decode("utf-8", "replace")
    if 200 <= answer.status < 300:
        return Outcome(answer.status, body=body)
    again = answer.status in _AGAIN or answer.status >= 500
    why = "a redirect, which is not followed" if 300 <= answer.status < 400 else (
        "it may take the message later" if again else "it refuses the message")
    return Outcome(answer.status, f"The receiver answered {answer.status}: {why}.", again,
                   _asked_wait(answer.headers.get("retry-after", ""), now) if again else 0, body)


def _asked_wait(text: str, now: int) -> int:
    """Return how many milliseconds a Retry-After header asks for, 0 where it says nothing that can be read."""
    if _SECONDS.match(text.strip()):
        return int(text) * 1000
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(int(moment.timestamp() * 1000) - now, 0)


def send_example(outbound: Outbound, box: SecretBox, webhook: Webhook, event: str) -> Outcome:
    """Send a message with example data, outside of the queue."""
    return send(outbound, box, webhook, new_id(), events.body_of(event, events.EVENTS[event]), service.now_ms())
