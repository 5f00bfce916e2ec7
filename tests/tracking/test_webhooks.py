"""Webhooks with the stock client, on both databases: the calls, the messages, and who may see them."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities.webhook import VALID_ENTITY_ACTIONS, WebhookEvent, WebhookStatus
from mlflow.exceptions import MlflowException
from mlflow.webhooks.types import get_example_payload_for_event

from stellwerk.features.webhooks import deliver_due
from stellwerk.features.webhooks.events import EVENTS
from stellwerk.infra.installation import open_installation
from tests.features.webhooks.receiver import Receiver, receiving
from tests.tracking.conftest import Start
from tests.tracking.serving import Raw, Server, unique

ALL = [WebhookEvent(entity, action) for entity, actions in VALID_ENTITY_ACTIONS.items() for action in actions]
OUTBOUND = {"outbound_hosts": "127.0.0.1", "outbound_http": True}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture
def server(kind: str, start: Start, shared: tuple[object, dict[str, Server]], homes: Path) -> Server:
    """A server that may send to this machine, one for all tests here."""
    stack, known = shared
    if f"{kind} webhooks" not in known:
        known[f"{kind} webhooks"] = stack.enter_context(start(homes / kind, **OUTBOUND))  # type: ignore[attr-defined]
    return known[f"{kind} webhooks"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def deliver(server: Server) -> Iterator[Callable[[], int]]:
    """The worker's part, once."""
    installation = open_installation(server.home)
    yield lambda: deliver_due(installation)
    installation.tracking.close()


@pytest.fixture(autouse=True)
def cleared(client: MlflowClient) -> Iterator[None]:
    yield
    for webhook in client.list_webhooks():
        client.delete_webhook(webhook.webhook_id)


def test_a_webhook_is_made_read_changed_listed_and_removed(client: MlflowClient) -> None:
    made = client.create_webhook("first.hook", "https://hooks.example/in?a=b", ["model_version.created", "prompt_tag.set"],
                                 description="tells", secret="quiet signal")
    assert (made.name, made.url, made.status) == ("first.hook", "https://hooks.example/in?a=b", "ACTIVE")
    assert [str(event) for event in made.events] == ["model_version.created", "prompt_tag.set"]
    assert (made.description, made.secret) == ("tells", None)
    assert made.creation_timestamp == made.last_updated_timestamp > 0
    assert repr(client.get_webhook(made.webhook_id)) == repr(made)

    changed = client.update_webhook(made.webhook_id, status=WebhookStatus.DISABLED, events=["model_version_tag.set"])
    assert (changed.status, [str(event) for event in changed.events]) == ("DISABLED", ["model_version_tag.set"])
    assert (changed.name, changed.url, changed.description) == (made.name, made.url, "tells")
    assert client.update_webhook(made.webhook_id, description="").description is None

    other = client.create_webhook("second", "https://hooks.example/", ALL, status="DISABLED")
    assert len(other.events) == len(ALL)
    first = client.list_webhooks(max_results=1)
    assert [webhook.name for webhook in first] == ["second"]
    assert [webhook.name for webhook in client.list_webhooks(max_results=1, page_token=first.token)] == ["first.hook"]
    client.delete_webhook(made.webhook_id)
    assert [webhook.name for webhook in client.list_webhooks()] == ["second"]


def test_every_event_of_the_protocol_is_known_with_its_example() -> None:
    assert {str(event): dict(get_example_payload_for_event(event)) for event in ALL} == EVENTS


@pytest.mark.parametrize(("given", "message"), [
    ({"name": "-a"}, "Webhook name '-a' is invalid"), ({"name": ""}, "Missing value for required parameter 'name'"),
    ({"url": "  "}, "cannot be empty or just whitespace"), ({"events": []}, "Missing value for required parameter 'events'"),
    ({"url": "ftp://hooks.example"}, "Invalid webhook URL scheme: 'ftp'"),
    ({"url": "https://169.254.169.254/latest"}, "not on the public internet"),
    ({"url": "https://0x7f.1/"}, "Invalid webhook URL"),
])
def test_what_is_not_allowed_is_refused(client: MlflowClient, given: dict[str, object], message: str) -> None:
    with pytest.raises(MlflowException, match="INVALID_PARAMETER_VALUE") as refused:
        client.create_webhook(**({"name": "x", "url": "https://hooks.example", "events": ["model_version.created"]} | given))  # type: ignore[arg-type]
    assert message in str(refused.value)
    assert client.list_webhooks() == []


def test_what_does_not_exist_is_not_found(client: MlflowClient) -> None:
    for call in (client.get_webhook, client.delete_webhook, client.test_webhook,
                 lambda one: client.update_webhook(one, name="a")):
        with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST: Webhook with ID nothing not found"):
            call("nothing")


def test_more_than_a_page_holds_is_refused(raw: Raw) -> None:
    for size in (-1, 1001):
        assert "max_results must be between 1 and 1000" in raw.refused("webhooks", method="GET", max_results=size)
    assert "page token" in raw.refused("webhooks", method="GET", page_token="x")


def test_events_that_do_not_exist_are_refused(raw: Raw) -> None:
    body = {"name": "x", "url": "https://hooks.example"}
    assert "Valid actions are: ['created']" in raw.refused("webhooks", events=[{"entity": "MODEL_VERSION", "action": "SET"}],
                                                           **body)
    assert "events[0].entity" in raw.refused("webhooks", events=[{}], **body)


def test_a_test_message_comes_at_once(client: MlflowClient, receiver: Receiver) -> None:
    webhook = client.create_webhook("hook", receiver.url, ["registered_model.created", "model_version_tag.set"],
                                    secret="quiet signal")
    result = client.test_webhook(webhook.webhook_id)
    assert (result.success, result.response_status, result.response_body, result.error_message) == (
        True, 200, "taken", None)
    headers, body = receiver.message()
    assert json.loads(body)["data"]["name"] == "example_model"
    signed = f"{headers['X-MLflow-Delivery-Id']}.{headers['X-MLflow-Timestamp']}.{body}".encode()
    mac = hmac.new(b"quiet signal", signed, hashlib.sha256).digest()
    assert headers["X-MLflow-Signature"] == "v1," + b64encode(mac).decode()

    client.test_webhook(webhook.webhook_id, event="model_version_tag.set")
    assert json.loads(receiver.message()[1])["entity"] == "model_version_tag"
    receiver.answers.append((404, {}))
    result = client.test_webhook(webhook.webhook_id)
    assert (result.success, result.response_status, result.error_message) == (False, 404, None)


def test_a_test_message_to_nobody_says_so(client: MlflowClient) -> None:
    with receiving() as gone:
        url = gone.url
    webhook = client.create_webhook("hook", url, ["registered_model.created"])
    result = client.test_webhook(webhook.webhook_id)
    assert (result.success, result.response_status) == (False, None)
    assert "Failed to test webhook" in (result.error_message or "")
    assert "refuses connections" in (result.error_message or "")


def test_changes_of_the_registry_are_told(client: MlflowClient, raw: Raw, receiver: Receiver,
                                          deliver: Callable[[], int]) -> None:
    client.create_webhook("hook", receiver.url, [event for event in ALL if event.entity.value.startswith(("registered", "model"))])
    name = unique("model")
    client.create_registered_model(name, tags={"a": "b"}, description="first")
    run = raw.run("0")
    version = client.create_model_version(name, f"runs:/{run}/model", run_id=run, tags={"c": "d"}).version
    client.set_model_version_tag(name, version, "k", "v")
    client.delete_model_version_tag(name, version, "k")
    client.set_registered_model_alias(name, "best", version)
    client.delete_registered_model_alias(name, "best")
    assert deliver() == 6
    told = {f"{body['entity']}.{body['action']}": body["data"]
            for body in (json.loads(text) for _, _, text in receiver.all())}
    assert told.pop("model_version.created") == {
        "name": name, "version": "1", "source": f"runs:/{run}/model", "run_id": run, "tags": {"c": "d"},
        "description": None}
    assert told == {
        "registered_model.created": {"name": name, "tags": {"a": "b"}, "description": "first"},
        "model_version_tag.set": {"name": name, "version": "1", "key": "k", "value": "v"},
        "model_version_tag.deleted": {"name": name, "version": "1", "key": "k"},
        "model_version_alias.created": {"name": name, "alias": "best", "version": "1"},
        "model_version_alias.deleted": {"name": name, "alias": "best"}}


def test_a_change_that_is_refused_tells_nobody(client: MlflowClient, receiver: Receiver,
                                               deliver: Callable[[], int]) -> None:
    client.create_webhook("hook", receiver.url, ["registered_model.created"])
    name = unique("model")
    client.create_registered_model(name)
    with pytest.raises(MlflowException, match="ALREADY_EXISTS"):
        client.create_registered_model(name)
    assert deliver() == 1


def test_messages_are_listed_and_a_dead_one_is_sent_again(client: MlflowClient, raw: Raw, receiver: Receiver,
                                                          deliver: Callable[[], int]) -> None:
    webhook = client.create_webhook("hook", receiver.url, ["registered_model.created"])
    receiver.answers.extend([(410, {}), (503, {})])
    for _ in range(3):
        client.create_registered_model(unique("model"))
    deliver()
    base = f"/api/v1/webhooks/{webhook.webhook_id}/deliveries"
    page = raw.get(base, limit=2)
    rest = raw.get(base, limit=2, before=page["next"])
    found = page["deliveries"] + rest["deliveries"]
    assert [one["state"] for one in found] == ["delivered", "waiting", "dead"]
    assert [one["last_status"] for one in found] == [200, 503, 410]
    assert rest["next"] is None
    assert page["webhook"]["counts"] == {"waiting": 1, "delivered": 1, "dead": 1}

    dead = f"{base}/{found[2]['id']}"
    assert raw.get(dead)["body"]["entity"] == "registered_model"
    assert raw.post(f"{dead}/retry")["state"] == "waiting"
    assert deliver() == 1
    assert raw.get(dead)["state"] == "delivered"
    assert raw.refused(f"{dead}/retry", 409, "conflict")
    raw.refused(f"{base}/nothing", 404, "not_found", method="GET")
    raw.refused("/api/v1/webhooks/nothing/deliveries", 404, "not_found", method="GET")


def test_the_secret_is_never_told(client: MlflowClient, raw: Raw, server: Server, receiver: Receiver,
                                  deliver: Callable[[], int]) -> None:
    webhook = client.create_webhook("hook", receiver.url, ["registered_model.created"], secret="quiet signal")
    client.update_webhook(webhook.webhook_id, secret="another signal")
    client.create_registered_model(unique("model"))
    receiver.answers.append((503, {}))
    deliver()
    client.test_webhook(webhook.webhook_id)
    for path in ("/api/2.0/mlflow/webhooks", f"/api/2.0/mlflow/webhooks/{webhook.webhook_id}",
                 f"/api/v1/webhooks/{webhook.webhook_id}/deliveries"):
        answer = raw.send("GET", path)
        assert answer.status_code == 200
        assert "signal" not in answer.text
    assert "signal" not in server.log()


@pytest.mark.parametrize(("role", "team", "reads", "writes"), [
    ("admin", None, 200, 200), ("builder", None, 200, 200), ("auditor", None, 200, 403), ("viewer", None, 403, 403),
    ("builder", "lending", 403, 403), ("operator", None, 403, 403)])
def test_only_who_stands_for_the_whole_installation_may(client: MlflowClient, server: Server, role: str,
                                                        team: str | None, reads: int, writes: int) -> None:
    made = client.create_webhook("hook", "https://hooks.example", ["model_version.created"], status="DISABLED").webhook_id
    caller = server.raw(role, team)
    for path in ("webhooks", f"webhooks/{made}", f"/api/v1/webhooks/{made}/deliveries"):
        assert caller.send("GET", path).status_code == reads
    body = {"name": "x", "url": "https://hooks.example", "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]}
    assert caller.send("POST", "webhooks", json=body).status_code == writes
    assert caller.send("PATCH", f"webhooks/{made}", json={"name": "y"}).status_code == writes
    assert caller.send("DELETE", f"webhooks/{made}").status_code == writes
    assert caller.send("POST", f"webhooks/{made}/test", json={}).status_code == (404 if writes == 200 else 403)
