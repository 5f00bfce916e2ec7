"""Webhooks and their queue: what may be set, what is kept secret, and that messages stand or fall with the change."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

import pytest

from stellwerk.apps.tracked import register_tracked
from stellwerk.features.ledger import SUBJECTS, verify_tracking
from stellwerk.features.ledger.findings import Verification
from stellwerk.features.webhooks import repository, service
from stellwerk.features.webhooks.events import DISABLED, EVENTS, body_of, event_of, status_of
from stellwerk.features.webhooks.repository import Delivery, Webhook
from stellwerk.infra.installation import Installation
from stellwerk.infra.outbound import Outbound
from stellwerk.infra.secret_box import SecretBox
from stellwerk.infra.settings import Settings
from stellwerk.kernel.errors import BadInput, Conflict, NotFound
from stellwerk.kernel.secret import Secret
from tests.features.webhooks.conftest import ANN, CREATED, Make


def queued(installation: Installation, webhook_id: str) -> list[Delivery]:
    return installation.tracking.read(lambda st: repository.deliveries(st, webhook_id, None, 1000))


def update(installation: Installation, webhook: Webhook, **given: object) -> Webhook:
    box = SecretBox(installation.home.keys_dir)
    return installation.tracking.write(lambda st: service.update(st, ANN, box, webhook.id, **given))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["a", "A.b_c-9", "9" * 63])
def test_a_good_name_is_taken(name: str) -> None:
    assert service.check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", ".", "a b", "a/b", "é", "a" * 64, "a\n"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="Webhook name"):
        service.check_name(name)


@pytest.mark.parametrize(("url", "message"), [
    ("", "cannot be empty or just whitespace"), (" ", "cannot be empty or just whitespace"),
    ("ftp://hooks.example", "Invalid webhook URL scheme: 'ftp'. Allowed schemes are: https."),
    ("http://hooks.example", "Invalid webhook URL scheme: 'http'"), ("https://", "must include a hostname"),
    ("https://[", "cannot be read"), ("https://169.254.169.254/", "not on the public internet"),
    ("https://2130706433/", "no address of four decimal parts"), ("https://localhost/", "not on the public internet"),
])
def test_an_address_that_no_message_may_go_to_is_refused(url: str, message: str) -> None:
    with pytest.raises(BadInput, match="ebhook URL") as refused:
        service.check_url(Outbound(Settings()), url)
    assert message in refused.value.message


def test_a_host_that_nobody_knows_now_is_taken() -> None:
    assert service.check_url(Outbound(Settings(), lambda host, port: []), "https://hooks.example/") == "https://hooks.example/"


@pytest.mark.parametrize(("entity", "action", "event"), [
    ("REGISTERED_MODEL", "CREATED", CREATED), ("registered_model", "created", CREATED), (1, 1, CREATED),
    ("MODEL_VERSION_TAG", "SET", "model_version_tag.set"), (10, 5, "budget_policy.exceeded"),
])
def test_an_event_is_read_in_all_its_spellings(entity: str | int, action: str | int, event: str) -> None:
    assert event_of(entity, action, "events[0]") == event


@pytest.mark.parametrize(("entity", "action"), [
    ("MODEL_VERSION", "SET"), ("MODEL", "CREATED"), (0, 1), (11, 1), (None, None), ("MODEL_VERSION", "ENTITY_UNSPECIFIED")])
def test_a_pair_that_is_no_event_is_refused(entity: str | int | None, action: str | int | None) -> None:
    with pytest.raises(BadInput) as refused:
        event_of(entity, action, "events[0]")
    assert (refused.value.field or "").startswith("events[0]")


def test_a_status_is_read() -> None:
    assert (status_of("ACTIVE"), status_of(2)) == ("ACTIVE", "DISABLED")
    with pytest.raises(BadInput):
        status_of("PAUSED")


def test_a_message_says_entity_action_time_and_data() -> None:
    body = json.loads(body_of("model_version_tag.set", {"name": "m", "version": "1"}))
    assert list(body) == ["entity", "action", "timestamp", "data"]
    assert (body["entity"], body["action"]) == ("model_version_tag", "set")
    assert body["timestamp"].endswith("+00:00")
    assert body["data"] == {"name": "m", "version": "1"}


def test_events_are_kept_once_and_in_order(installation: Installation, make: Make) -> None:
    names = ["model_version.created", CREATED, "model_version.created"]
    webhook = make(told=names)
    told = installation.tracking.read(lambda st: repository.events_of(st, [webhook.id]))[webhook.id]
    assert told == ["model_version.created", CREATED]


def test_a_webhook_without_events_is_refused(make: Make) -> None:
    with pytest.raises(BadInput, match="non-empty list"):
        make(told=[])


@pytest.mark.parametrize("given", [{"description": "x" * 1001}, {"description": "\x00"}, {"secret": Secret("x" * 1001)}])
def test_texts_beyond_their_limits_are_refused(make: Make, given: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        make(**given)


def test_only_what_is_given_changes(installation: Installation, make: Make) -> None:
    first = make(description="old", secret=Secret("quiet"))
    changed = update(installation, first, name="other", status=DISABLED, told=["model_version.created"])
    assert (changed.name, changed.status, changed.description, changed.secret, changed.url) == (
        "other", DISABLED, "old", first.secret, first.url)
    assert changed.updated_at >= first.updated_at
    assert installation.tracking.read(lambda st: service.get(st, first.id)) == changed
    assert installation.tracking.read(lambda st: repository.events_of(st, [first.id]))[first.id] == ["model_version.created"]


def test_an_empty_secret_or_description_takes_it_away(installation: Installation, make: Make) -> None:
    changed = update(installation, make(description="old", secret=Secret("quiet")), description="", secret=Secret(""))
    assert (changed.description, changed.secret) == (None, None)


def test_the_secret_stands_nowhere_in_clear(installation: Installation, make: Make) -> None:
    webhook = make(secret=Secret("quiet signal"))
    box = SecretBox(installation.home.keys_dir)
    assert webhook.secret is not None
    assert box.open(webhook.secret, service.purpose(webhook.id)).reveal() == "quiet signal"
    files = [file for file in installation.home.path.rglob("*") if file.is_file()]
    assert [file for file in files if b"quiet signal" in file.read_bytes()] == []


def test_a_message_is_queued_for_each_active_webhook_that_is_told(installation: Installation, make: Make,
                                                                  happen: Callable[..., None]) -> None:
    one, two = make("one"), make("two", told=["model_version.created", CREATED])
    off, other = make("off", status=DISABLED), make("other", told=["model_version.created"])
    happen("m")
    assert [len(queued(installation, webhook.id)) for webhook in (one, two, off, other)] == [1, 1, 0, 0]
    first, second = queued(installation, one.id)[0], queued(installation, two.id)[0]
    assert first.id != second.id
    assert json.loads(first.body)["data"] == {"name": "m"}


def test_a_change_that_is_undone_leaves_no_message(installation: Installation, make: Make) -> None:
    webhook = make()

    def change(st: object) -> None:
        service.enqueue(st, CREATED, {"name": "m"})  # type: ignore[arg-type]
        raise Conflict("It clashes.")

    with pytest.raises(Conflict):
        installation.tracking.write(change)
    assert queued(installation, webhook.id) == []


def test_a_removed_webhook_is_gone_with_its_messages(installation: Installation, make: Make,
                                                     happen: Callable[..., None]) -> None:
    webhook, other = make("one"), make("two")
    happen()
    installation.tracking.write(lambda st: service.delete(st, ANN, webhook.id))
    for gone in (service.get, lambda st, _id: service.delete(st, ANN, _id)):
        with pytest.raises(NotFound, match="not found"):
            installation.tracking.write(lambda st, gone=gone: gone(st, webhook.id))
    assert (len(queued(installation, webhook.id)), len(queued(installation, other.id))) == (0, 1)
    happen()
    assert len(queued(installation, webhook.id)) == 0


def test_webhooks_come_newest_first_and_page_by_page(installation: Installation, make: Make) -> None:
    made = [make(f"hook-{number}").id for number in range(5)]
    found: list[str] = []
    after = None
    while page := installation.tracking.read(lambda st, after=after: repository.page(st, after, 2)):
        found += [one.id for one in page]
        after = (page[-1].created_at, page[-1].id)
    assert found == sorted(made, reverse=True)


def verified(installation: Installation) -> list[tuple[str | None, str | None]]:
    register_tracked()
    found = Verification()
    verify_tracking(installation.tracking, found, {"webhook": SUBJECTS["webhook"]})
    return [(one["table"], one["row"]) for one in found.findings]


def test_every_change_stands_on_the_ledger_without_the_secret(installation: Installation, make: Make) -> None:
    webhook = make(secret=Secret("quiet signal"), url="https://hooks.example/services/T0/B0/credential")
    update(installation, webhook, secret=Secret("another signal"))
    gone = make("gone")
    installation.tracking.write(lambda st: service.delete(st, ANN, gone.id))
    assert verified(installation) == []
    with sqlite3.connect(installation.home.tracking) as reader:
        events = reader.execute("SELECT verb, payload FROM tracking_event ORDER BY position").fetchall()
    assert [verb for verb, _ in events] == ["webhook.created", "webhook.updated", "webhook.created", "webhook.deleted"]
    assert not any("signal" in payload or "credential" in payload for _, payload in events)


@pytest.mark.parametrize("forgery", [
    "UPDATE webhook SET url = 'https://evil.example/'", "UPDATE webhook SET status = 'DISABLED'",
    "UPDATE webhook SET secret = X'00'", "DELETE FROM webhook_event",
    "UPDATE webhook_event SET event = 'model_version.created'"])
def test_a_forged_webhook_is_named(installation: Installation, make: Make, forgery: str) -> None:
    webhook = make(secret=Secret("quiet signal"))
    with sqlite3.connect(installation.home.tracking) as forger:
        forger.execute(forgery)
    assert verified(installation) == [("webhook", webhook.id)]


def test_every_example_is_json() -> None:
    for event, example in EVENTS.items():
        assert json.loads(body_of(event, example))["data"] == example
