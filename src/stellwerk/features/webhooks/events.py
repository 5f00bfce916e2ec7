"""What webhooks can be told about, and the bodies of their messages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from stellwerk.kernel.errors import BadInput

_TAGS = {"example_key": "example_value"}
_OF_MODEL = {"name": "example_model", "version": "1"}
_OF_PROMPT = {"name": "example_prompt", "version": "1"}
_TAG = {"key": "example_key", "value": "example_value"}
_KEY = {"key": "example_key"}

# Entity and action, with an example of the data that comes with it.
EVENTS: dict[str, dict[str, Any]] = {
    "registered_model.created": {"name": "example_model", "tags": _TAGS, "description": "An example registered model"},
    "model_version.created": {**_OF_MODEL, "source": "models:/123", "run_id": "abcd1234abcd5678", "tags": _TAGS,
                              "description": "An example model version"},
    "model_version_tag.set": {**_OF_MODEL, **_TAG},
    "model_version_tag.deleted": {**_OF_MODEL, **_KEY},
    "model_version_alias.created": {"name": "example_model", "alias": "example_alias", "version": "1"},
    "model_version_alias.deleted": {"name": "example_model", "alias": "example_alias"},
    "prompt.created": {"name": "example_prompt", "tags": _TAGS, "description": "An example prompt"},
    "prompt_version.created": {**_OF_PROMPT, "template": "Hello {{name}}!", "tags": _TAGS,
                               "description": "An example prompt version"},
    "prompt_tag.set": {"name": "example_prompt", **_TAG},
    "prompt_tag.deleted": {"name": "example_prompt", **_KEY},
    "prompt_version_tag.set": {**_OF_PROMPT, **_TAG},
    "prompt_version_tag.deleted": {**_OF_PROMPT, **_KEY},
    "prompt_alias.created": {"name": "example_prompt", "alias": "example_alias", "version": "1"},
    "prompt_alias.deleted": {"name": "example_prompt", "alias": "example_alias"},
    "budget_policy.exceeded": {
        "budget_policy_id": "bp-abc123", "budget_unit": "USD", "budget_amount": 100.0, "current_spend": 105.5,
        "duration_unit": "MONTHS", "duration_value": 1, "target_scope": "ENDPOINT", "workspace": "default",
        "target_value": "ep-abc123", "window_start": 1704067200000},
}
# As the protocol numbers them.
_ENTITIES = ("", "registered_model", "model_version", "model_version_tag", "model_version_alias", "prompt",
             "prompt_version", "prompt_tag", "prompt_version_tag", "prompt_alias", "budget_policy")
_ACTIONS = ("", "created", "updated", "deleted", "set", "exceeded")
ACTIVE, DISABLED = "ACTIVE", "DISABLED"
_STATUSES = ("", ACTIVE, DISABLED)


def event_of(entity: str | int | None, action: str | int | None, path: str) -> str:
    """Return the event of an entity and an action; raises BadInput for a pair that does not exist."""
    kind = _name(entity, _ENTITIES, f"{path}.entity").lower()
    verb = _name(action, _ACTIONS, f"{path}.action").lower()
    event = f"{kind}.{verb}"
    if event not in EVENTS:
        allowed = sorted(name.partition(".")[2] for name in EVENTS if name.startswith(f"{kind}."))
        raise BadInput(f"Invalid action '{verb}' for entity '{kind}'. Valid actions are: {allowed}", field=path,
                       value=event, allowed=allowed)
    return event


def status_of(status: str | int) -> str:
    """Return a webhook's status; raises BadInput for one that does not exist."""
    return _name(status, _STATUSES, "status")


def _name(given: str | int | None, names: tuple[str, ...], path: str) -> str:
    known = {name.upper(): name for name in names if name}
    text = str(given).upper()
    if text.isascii() and text.isdigit() and 0 < int(text) < len(names):
        return names[int(text)]
    if text not in known:
        raise BadInput(f"Invalid value {str(given)[:80]!r} for parameter '{path}' supplied.", field=path,
                       value=str(given)[:80], allowed=list(known))
    return known[text]


def body_of(event: str, data: Mapping[str, Any]) -> str:
    """Return the body of the message about an event that happens now."""
    entity, _, action = event.partition(".")
    return json.dumps({"entity": entity, "action": action, "timestamp": datetime.now(UTC).isoformat(),
                       "data": dict(data)})
