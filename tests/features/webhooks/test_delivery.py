"""Messages reach their receiver at least once: signed, tried again, given up in the end, and never lost by a kill."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from email.utils import formatdate

import pytest

from stellwerk.features.webhooks import delivery, keep_delivering, repository, service
from stellwerk.features.webhooks.delivery import ATTEMPTS, Courier, backoff_ms, deliver_due
from stellwerk.features.webhooks.repository import DEAD, DELIVERED, WAITING, Delivery, Webhook
from stellwerk.infra.installation import Installation
from stellwerk.infra.outbound import Outbound
from stellwerk.infra.secret_box import KEY_FILE
from stellwerk.infra.settings import Settings
from stellwerk.kernel.errors import Conflict, NotFound
from stellwerk.kernel.secret import Secret
from tests.features.webhooks.conftest import ANN, Make
from tests.features.webhooks.receiver import Receiver, receiving

Happen = Callable[..., None]
DAY = 86_400_000


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = service.now_ms() + 1000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def deliver(installation: Installation, clock: Clock) -> Callable[[], int]:
    return lambda: deliver_due(installation, clock=clock)


def queue_of(installation: Installation, webhook: Webhook) -> list[Delivery]:
    return installation.tracking.read(lambda st: repository.deliveries(st, webhook.id, None, 1000))


def condition(installation: Installation, webhook: Webhook) -> Webhook:
    return installation.tracking.read(lambda st: service.get(st, webhook.id))


def test_a_message_is_delivered_once_with_its_signature(installation: Installation, receiver: Receiver, make: Make,
                                                        happen: Happen, deliver: Callable[[], int], clock: Clock) -> None:
    webhook = make(secret=Secret("quiet signal"))
    happen("größe")
    assert (deliver(), deliver()) == (1, 0)

    (path, headers, body), = receiver.all()
    done, = queue_of(installation, webhook)
    assert path == "/hook?of=mine"
    assert (done.state, done.attempts, done.last_status, done.ended_at) == (DELIVERED, 1, 200, clock.now)
    assert body == done.body
    assert json.loads(body)["data"] == {"name": "größe"}
    assert headers["Content-Type"] == "application/json"
    assert headers["X-MLflow-Delivery-Id"] == done.id
    assert headers["X-MLflow-Timestamp"] == str(clock.now // 1000)
    signed = f"{done.id}.{clock.now // 1000}.{body}".encode()
    mac = base64.b64encode(hmac.new(b"quiet signal", signed, hashlib.sha256).digest()).decode()
    assert headers["X-MLflow-Signature"] == f"v1,{mac}"


def test_without_a_secret_there_is_no_signature(receiver: Receiver, make: Make, happen: Happen,
                                                deliver: Callable[[], int]) -> None:
    make()
    happen()
    deliver()
    assert receiver.message()[0]["X-MLflow-Signature"] is None


@pytest.mark.parametrize("status", [503, 500, 504, 429, 408, 425])
def test_a_receiver_that_fails_is_tried_again_with_the_same_id(installation: Installation, receiver: Receiver, make: Make,
                                                               happen: Happen, deliver: Callable[[], int], clock: Clock,
                                                               status: int) -> None:
    webhook = make(secret=Secret("quiet signal"))
    happen()
    receiver.answers.append((status, {}))
    deliver()
    waiting, = queue_of(installation, webhook)
    assert (waiting.state, waiting.attempts, waiting.last_status) == (WAITING, 1, status)
    assert 4000 <= waiting.next_at - clock.now <= 6000
    clock.now = waiting.next_at - 1
    assert deliver() == 0
    clock.now += 1
    assert deliver() == 1
    assert queue_of(installation, webhook)[0].state == DELIVERED
    (_, first, body), (_, second, again) = receiver.all()
    assert body == again
    assert first["X-MLflow-Delivery-Id"] == second["X-MLflow-Delivery-Id"]
    # Signed anew: receivers refuse stamps that are minutes old.
    assert int(second["X-MLflow-Timestamp"]) > int(first["X-MLflow-Timestamp"])
    assert second["X-MLflow-Signature"] != first["X-MLflow-Signature"]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 302, 307])
def test_a_receiver_that_refuses_is_not_asked_again(installation: Installation, receiver: Receiver, make: Make,
                                                    happen: Happen, deliver: Callable[[], int], status: int) -> None:
    webhook = make()
    happen()
    receiver.answers.append((status, {"Location": receiver.url}))
    deliver()
    dead, = queue_of(installation, webhook)
    assert (dead.state, dead.last_status) == (DEAD, status)
    assert str(status) in (dead.last_error or "")
    assert len(receiver.all()) == 1
    assert condition(installation, webhook).failures == 0


def test_a_message_is_given_up_after_so_many_attempts(installation: Installation, receiver: Receiver, make: Make,
                                                      happen: Happen, deliver: Callable[[], int], clock: Clock) -> None:
    webhook = make()
    happen()
    receiver.answers.extend([(503, {})] * ATTEMPTS)
    began = clock.now
    for _ in range(ATTEMPTS):
        assert deliver() == 1
        clock.now = max(queue_of(installation, webhook)[0].next_at, condition(installation, webhook).paused_until)
    dead, = queue_of(installation, webhook)
    assert (dead.state, dead.attempts, deliver()) == (DEAD, ATTEMPTS, 0)
    assert 7 * 3_600_000 < clock.now - began < 13 * 3_600_000


def test_waiting_times_grow_and_spread() -> None:
    for failures, middle in ((1, 5_000), (2, 15_000), (5, 405_000), (9, 7_200_000), (1000, 7_200_000)):
        waits = {backoff_ms(failures) for _ in range(50)}
        assert len(waits) > 1
        assert middle * 0.8 <= min(waits) <= max(waits) <= middle * 1.2


@pytest.mark.parametrize(("asked", "seconds"), [("60", 60), ("9999999", 7200), ("soon", 5), ("", 5), ("-1", 5)])
def test_a_receiver_may_ask_for_a_longer_wait(installation: Installation, receiver: Receiver, make: Make, happen: Happen,
                                              deliver: Callable[[], int], clock: Clock, asked: str, seconds: int) -> None:
    webhook = make()
    happen()
    receiver.answers.append((429, {"Retry-After": asked}))
    deliver()
    assert queue_of(installation, webhook)[0].next_at - clock.now == pytest.approx(seconds * 1000, abs=1000)


def test_a_wait_may_be_named_as_a_date(installation: Installation, receiver: Receiver, make: Make, happen: Happen,
                                       deliver: Callable[[], int], clock: Clock) -> None:
    webhook = make()
    happen()
    receiver.answers.append((503, {"Retry-After": formatdate(clock.now / 1000 + 120, usegmt=True)}))
    deliver()
    assert queue_of(installation, webhook)[0].next_at - clock.now == pytest.approx(120_000, abs=1000)


def test_nobody_listening_is_tried_again(installation: Installation, make: Make, happen: Happen,
                                         deliver: Callable[[], int]) -> None:
    with receiving() as gone:
        url = gone.url
    webhook = make(url=url)
    happen()
    deliver()
    waiting, = queue_of(installation, webhook)
    assert (waiting.state, waiting.last_status) == (WAITING, None)
    assert "refuses connections" in (waiting.last_error or "")


def test_a_host_that_became_private_gets_nothing(installation: Installation, receiver: Receiver, make: Make,
                                                 happen: Happen) -> None:
    webhook = make()
    happen()
    deliver_due(installation, outbound=Outbound(Settings(outbound_http=True)))
    dead, = queue_of(installation, webhook)
    assert (dead.state, dead.attempts) == (DEAD, 1)
    assert "public internet" in (dead.last_error or "")
    assert receiver.all() == []


def test_a_secret_without_its_key_is_never_left_out(installation: Installation, receiver: Receiver, make: Make,
                                                    happen: Happen, deliver: Callable[[], int]) -> None:
    webhook = make(secret=Secret("quiet"))
    happen()
    (installation.home.keys_dir / KEY_FILE).unlink()
    deliver()
    assert receiver.all() == []
    assert queue_of(installation, webhook)[0].state == WAITING


def test_a_receiver_that_keeps_failing_is_left_alone_for_a_while(installation: Installation, receiver: Receiver,
                                                                 make: Make, happen: Happen,
                                                                 deliver: Callable[[], int], clock: Clock) -> None:
    webhook = make()
    happen("a", "b", "c")
    receiver.answers.extend([(503, {})] * 2)
    assert deliver() == 2
    paused = condition(installation, webhook)
    assert (paused.failures, paused.paused_until > clock.now) == (2, True)
    clock.now = paused.paused_until
    assert deliver() >= 1
    assert condition(installation, webhook).failures == 0


def test_one_message_that_is_not_taken_does_not_hold_up_the_others(installation: Installation, receiver: Receiver,
                                                                   make: Make, happen: Happen,
                                                                   deliver: Callable[[], int]) -> None:
    webhook = make()
    happen("poison", "b", "c")
    receiver.answers.append((500, {}))
    assert deliver() == 3
    assert sorted(one.state for one in queue_of(installation, webhook)) == [DELIVERED, DELIVERED, WAITING]


def test_one_slow_receiver_holds_up_no_other(installation: Installation, receiver: Receiver, make: Make,
                                             happen: Happen) -> None:
    receiver.go_on.clear()
    with receiving() as quick:
        make("slow")
        make("quick", url=quick.url)
        happen("a", "b")
        courier = Courier(installation)
        futures = courier.start()
        assert [json.loads(quick.message()[1])["data"]["name"] for _ in "ab"] == ["a", "b"]
        assert courier.start() == []
        receiver.go_on.set()
        assert [future.result(timeout=30) for future in futures] == [2, 2]
        courier.close()


def test_what_waits_too_long_is_given_up(installation: Installation, receiver: Receiver, make: Make, happen: Happen,
                                         deliver: Callable[[], int], clock: Clock) -> None:
    webhook = make()
    happen("a", "b")
    clock.now += 4 * DAY
    receiver.answers.append((503, {}))
    deliver()
    assert [one.state for one in queue_of(installation, webhook)] == [DEAD, DEAD]


def test_a_disabled_webhook_keeps_what_waits_and_sends_it_later(installation: Installation, receiver: Receiver,
                                                                make: Make, happen: Happen,
                                                                deliver: Callable[[], int]) -> None:
    webhook = make()
    happen()
    box = None
    installation.tracking.write(lambda st: service.update(st, ANN, box, webhook.id, status="DISABLED"))  # type: ignore[arg-type]
    assert (deliver(), receiver.all()) == (0, [])
    installation.tracking.write(lambda st: service.update(st, ANN, box, webhook.id, status="ACTIVE"))  # type: ignore[arg-type]
    assert deliver() == 1


def test_a_webhook_removed_under_way_is_no_fault(installation: Installation, receiver: Receiver, make: Make,
                                                 happen: Happen) -> None:
    webhook = make()
    happen()
    receiver.go_on.clear()
    courier = Courier(installation)
    future, = courier.start()
    receiver.message()
    installation.tracking.write(lambda st: service.delete(st, ANN, webhook.id))
    receiver.go_on.set()
    assert future.result(timeout=30) == 1
    courier.close()


def test_a_dead_message_can_be_sent_again(installation: Installation, receiver: Receiver, make: Make, happen: Happen,
                                          deliver: Callable[[], int], clock: Clock) -> None:
    webhook = make()
    happen()
    receiver.answers.append((404, {}))
    deliver()
    dead, = queue_of(installation, webhook)
    installation.tracking.write(lambda st: service.send_again(st, webhook.id, dead.id))
    assert deliver() == 1
    assert queue_of(installation, webhook)[0].state == DELIVERED
    with pytest.raises(Conflict, match="delivered"):
        installation.tracking.write(lambda st: service.send_again(st, webhook.id, dead.id))
    with pytest.raises(NotFound):
        installation.tracking.write(lambda st: service.send_again(st, webhook.id, "nothing"))


def test_messages_that_ended_are_forgotten_after_a_month(installation: Installation, receiver: Receiver, make: Make,
                                                         happen: Happen, deliver: Callable[[], int], clock: Clock) -> None:
    webhook = make()
    happen("a")
    deliver()
    clock.now += 31 * DAY
    happen("b")
    courier = Courier(installation, clock=clock)
    courier.forget_ended()
    courier.close()
    left, = queue_of(installation, webhook)
    assert left.state == WAITING


def test_messages_leave_by_themselves_as_they_come(installation: Installation, receiver: Receiver, make: Make,
                                                   happen: Happen) -> None:
    make()
    stop = threading.Event()
    thread = threading.Thread(target=keep_delivering, args=(installation, stop))
    thread.start()
    for name in ("a", "b"):
        happen(name)
        assert json.loads(receiver.message()[1])["data"]["name"] == name
    stop.set()
    thread.join(timeout=10)
    assert not thread.is_alive()


def test_an_attempt_that_cannot_be_noted_is_not_repeated_at_once(installation: Installation, receiver: Receiver,
                                                                 make: Make, happen: Happen) -> None:
    webhook = make()
    happen()
    courier = Courier(installation)
    with sqlite3.connect(installation.home.tracking) as other:
        other.execute("CREATE TRIGGER stop BEFORE UPDATE ON webhook_delivery BEGIN SELECT RAISE(ABORT, 'no'); END")
        other.commit()
        future, = courier.start()
        assert isinstance(future.exception(timeout=30), sqlite3.Error)
        other.execute("DROP TRIGGER stop")
    courier.close()
    assert courier.start() == []
    assert queue_of(installation, webhook)[0].state == WAITING
    assert deliver_due(installation) == 1
    assert len(receiver.all()) == 2


KEEP = """
import sys, threading
from pathlib import Path
from stellwerk.features.webhooks import keep_delivering
from stellwerk.infra.installation import open_installation
keep_delivering(open_installation(Path(sys.argv[1])), threading.Event())
"""


def test_a_process_killed_while_it_sends_loses_no_message(installation: Installation, receiver: Receiver, make: Make,
                                                          happen: Happen) -> None:
    (installation.home.path / "stellwerk.toml").write_text('outbound_hosts = "127.0.0.1"\noutbound_http = true\n')
    webhook = make()
    happen("a", "b", "c")
    receiver.go_on.clear()
    process = subprocess.Popen([sys.executable, "-c", KEEP, str(installation.home.path)])
    try:
        first, _ = receiver.message()
    finally:
        process.kill()
        process.wait(timeout=30)
    assert [one.state for one in queue_of(installation, webhook)] == [WAITING] * 3
    receiver.go_on.set()

    assert deliver_due(installation) == 3
    ids = [headers["X-MLflow-Delivery-Id"] for _, headers, _ in receiver.all()]
    assert sorted(ids) == sorted(one.id for one in queue_of(installation, webhook))
    assert first["X-MLflow-Delivery-Id"] in ids
    assert {one.state for one in queue_of(installation, webhook)} == {DELIVERED}


def test_a_queue_of_many_messages_leaves_in_one_round_after_another(installation: Installation, receiver: Receiver,
                                                                    make: Make, happen: Happen,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_IN_A_ROW", 4)
    make()
    happen(*map(str, range(10)))
    assert [deliver_due(installation) for _ in range(4)] == [4, 4, 2, 0]
    assert [json.loads(body)["data"]["name"] for _, _, body in receiver.all()] == list(map(str, range(10)))
