"""A gateway process under load: snapshots swapped and spoilt, SIGTERM and kill -9 while requests run."""

from __future__ import annotations

import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from stellwerk.dataplane.decision_log.ids import place_of
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.snapshot import Route, publish
from tests.gateway.live import BODY, PATH, model, revision, snapshot

pytestmark = pytest.mark.slow
HEADERS = {"Authorization": "Bearer good", "Content-Type": "application/json"}
WORKERS = 6


class Child:
    """A running gateway process; what it logs is kept in a file."""

    def __init__(self, home: Path, log: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._log = log
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stellwerk.gateway", "--home", str(home), "--port", str(self.port)],
                stdout=stream, stderr=stream)

    def connect(self) -> http.client.HTTPConnection:
        """Return a client of this process; it connects with its first request."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def ask(self, body: dict[str, Any] = BODY) -> tuple[int, bytes]:
        """Ask for one decision over a connection of its own."""
        client = self.connect()
        try:
            return decide(client, body)
        finally:
            client.close()

    def readiness(self) -> dict[str, Any]:
        """Return what /readyz says."""
        client = self.connect()
        try:
            client.request("GET", "/readyz")
            return dict(json.loads(client.getresponse().read()))
        finally:
            client.close()

    def wait(self) -> None:
        """Return once it takes connections."""
        while not self.takes_connections():
            assert self.process.poll() is None, self.logged()

    def takes_connections(self) -> bool:
        """Tell whether something listens."""
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=60).close()
        except OSError:
            return False
        return True

    def logged(self) -> str:
        """Return all that it logged."""
        return self._log.read_text()


def decide(client: http.client.HTTPConnection, body: dict[str, Any] = BODY) -> tuple[int, bytes]:
    client.request("POST", PATH, json.dumps(body), HEADERS)
    answer = client.getresponse()
    return answer.status, answer.read()


@contextmanager
def gateway(home: Path) -> Iterator[Child]:
    child = Child(home, home.parent / "gateway.log")
    try:
        child.wait()
        yield child
    finally:
        if child.process.poll() is None:
            child.process.kill()
        child.process.wait()


class Load:
    """Threads that ask without a pause until told to stop or until the process is gone."""

    def __init__(self, child: Child, *, fresh: bool = False) -> None:
        self._child = child
        self._fresh = fresh
        self._stop = threading.Event()
        self._news = threading.Condition()
        self.answers: list[list[tuple[int, dict[str, Any]]]] = [[] for _ in range(WORKERS)]
        self.failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._run, args=(mine,)) for mine in self.answers]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, mine: list[tuple[int, dict[str, Any]]]) -> None:
        client = self._child.connect()
        try:
            while not self._stop.is_set():
                status, body = decide(client)
                with self._news:
                    mine.append((status, json.loads(body)))
                    self._news.notify_all()
                if self._fresh:
                    client.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            with self._news:
                self.failures.append(error)
                self._news.notify_all()
        finally:
            client.close()

    def all(self) -> list[tuple[int, dict[str, Any]]]:
        """Return every answer so far."""
        return [answer for mine in self.answers for answer in mine]

    def latest(self) -> set[str]:
        """Return the revisions that the clients met last, '' for a client without an answer yet."""
        return {str(mine[-1][1].get("revision")) if mine else "" for mine in self.answers}

    def wait_for(self, what: Callable[[], bool]) -> None:
        """Return once this holds; no request may fail until then."""
        with self._news:
            assert self._news.wait_for(lambda: bool(self.failures) or what(), 100), "the load never got there"
        assert self.failures == []

    def wait_for_more(self, count: int) -> None:
        """Return after so many further answers."""
        wanted = len(self.all()) + count
        self.wait_for(lambda: len(self.all()) >= wanted)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    publish(made / "snapshots", snapshot(1, [revision(made)]))
    return made


def test_snapshots_swapped_under_load_fail_no_request(home: Path) -> None:
    """Each client meets each generation's revision, one after the other, and never an earlier one again."""
    directions = {"r1": 1, "r2": -1, "r3": 1, "r4": -1}
    with gateway(home) as child:
        with Load(child) as load:
            load.wait_for(lambda: load.latest() == {"r1"})
            for generation, name in enumerate(list(directions)[1:], start=2):
                publish(home / "snapshots", snapshot(generation, [
                    revision(home, name, version=generation, data=model(directions[name]))]))
                load.wait_for(lambda name=name: load.latest() == {name})
        assert load.failures == []
        assert {status for status, _ in load.all()} == {200}
        for mine in load.answers:
            versions = [said["model_version"] for _, said in mine]
            assert versions == sorted(versions)
            assert set(versions) == {1, 2, 3, 4}
        decisions = {(said["revision"], said["decision"]) for _, said in load.all()}
        assert decisions == {("r1", "selected"), ("r2", "review"), ("r3", "selected"), ("r4", "review")}
        assert child.readiness() == {"status": "ready", "generation": 4, "problem": None}
        assert '"level": "error"' not in child.logged()


def cut(home: Path) -> None:
    # Whole and damaged in one step, as a reader may look at any moment.
    publish(home / "snapshots", snapshot(1, [revision(home)]))
    whole = (home / "snapshots" / "1.json").read_bytes()
    (home / "snapshots" / "2.json").write_bytes(whole[:-30])
    (home / "snapshots" / "generation").write_text("2")


def wrong_model(home: Path) -> None:
    publish(home / "snapshots", snapshot(2, [revision(home, "r2", data=b"no model at all")]))


def missing(home: Path) -> None:
    (home / "snapshots" / "generation").write_text("2")


@pytest.mark.parametrize("spoil", [cut, wrong_model, missing])
def test_a_corrupt_newer_snapshot_keeps_the_last_good_one(home: Path, spoil: Callable[[Path], None]) -> None:
    with gateway(home) as child:
        with Load(child) as load:
            load.wait_for(lambda: load.latest() == {"r1"})
            spoil(home)
            while (said := child.readiness())["problem"] is None:
                assert child.process.poll() is None
            load.wait_for_more(20)
            assert child.readiness() == said
            assert (said["status"], said["generation"]) == ("ready", 1)
            assert "snapshot 2 cannot be used" in said["problem"]
            assert str(home) not in said["problem"]
            assert {body.get("revision") for _, body in load.all()} == {"r1"}
            publish(home / "snapshots", snapshot(3, [revision(home, "r3")]))
            load.wait_for(lambda: load.latest() == {"r3"})
        assert load.failures == []
        assert {status for status, _ in load.all()} == {200}
        assert child.readiness() == {"status": "ready", "generation": 3, "problem": None}


def test_a_corrupt_snapshot_at_the_start_is_waited_out(home: Path) -> None:
    (home / "snapshots" / "1.json").write_bytes(b"{")
    with gateway(home) as child:
        status, body = child.ask()
        assert (status, json.loads(body)["error_code"]) == (503, "unavailable")
        publish(home / "snapshots", snapshot(2, [revision(home)]))
        while child.readiness()["generation"] != 2:
            assert child.process.poll() is None
        assert child.ask()[0] == 200


def begun(child: Child, body: bytes) -> socket.socket:
    """Return a connection whose request the gateway has taken up and whose body it waits for."""
    made = socket.create_connection(("127.0.0.1", child.port), timeout=60)
    head = [f"POST {PATH} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in HEADERS.items()),
            f"Content-Length: {len(body)}", "Expect: 100-continue"]
    made.sendall("\r\n".join([*head, "", ""]).encode())
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        said += (more := made.recv(1))
        assert more, said
    assert said.startswith(b"HTTP/1.1 100")
    return made


def test_sigterm_ends_no_request_that_was_accepted(home: Path) -> None:
    """The gateway asks for a body only when its handler reads it, so all of these run when the signal comes."""
    body = json.dumps(BODY).encode()
    answered = []
    with gateway(home) as child:
        running = [begun(child, body) for _ in range(20)]
        child.process.send_signal(signal.SIGTERM)
        while child.takes_connections():
            assert child.process.poll() is None
        # Nothing tells that it waits for them but that it is still there.
        with pytest.raises(subprocess.TimeoutExpired):
            child.process.wait(0.5)
        for each in running:
            with each:
                each.sendall(body)
                answer = http.client.HTTPResponse(each)
                answer.begin()
                assert answer.status == 200
                answered.append(json.loads(answer.read())["id"])
        assert child.process.wait(60) == 0
        assert "Traceback" not in child.logged()
    log = Reader(home / "decisions")
    assert [each for each in answered if log.by_id(each) is None] == []
    assert len(log.leaves(0, 0, 1000)) == len(set(answered)) == 20


@pytest.mark.parametrize("fresh", [False, True], ids=["kept connections", "fresh connections"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_leaves_no_decision_unanswered(home: Path, number: signal.Signals, fresh: bool) -> None:
    """A request may find the door closed, but whatever was decided was answered, and nothing else was."""
    with gateway(home) as child:
        with Load(child, fresh=fresh) as load:
            load.wait_for_more(60)
            child.process.send_signal(number)
            assert child.process.wait(60) == 0
        assert "Traceback" not in child.logged()
    assert {status for status, _ in load.all()} == {200}
    kept = {record.id for record in Reader(home / "decisions").by_time(services=None, limit=1_000_000)}
    assert kept == {said["id"] for _, said in load.all()}


@pytest.mark.parametrize("mode", ["sync", "buffered"])
def test_every_answer_survives_kill_9(home: Path, mode: Any) -> None:
    publish(home / "snapshots", snapshot(2, [revision(home)], routes=[
        Route(service="loans", team="lending", champion="r1", mode=mode)]))
    draw = random.Random(mode)
    answered: list[str] = []
    for start in range(4):
        with gateway(home) as child, Load(child) as load:
            load.wait_for_more(draw.randrange(1, 150))
            child.process.kill()
        assert {status for status, _ in load.all()} == {200}
        ids = [said["id"] for _, said in load.all()]
        assert {place_of(each) for each in ids} == {(0, start)}
        answered += ids
    log = Reader(home / "decisions")
    assert [each for each in answered if log.by_id(each) is None] == []
    assert len({log.position_of(each) for each in answered}) == len(answered)


def test_a_key_gives_the_same_answer_after_kill_9(home: Path) -> None:
    keyed = {**BODY, "idempotency_key": "k"}
    with gateway(home) as child:
        first = child.ask(keyed)
        child.process.kill()
    publish(home / "snapshots", snapshot(2, [revision(home, "r2", data=model(-1))]))
    with gateway(home) as child:
        assert child.ask(keyed) == first
        assert json.loads(child.ask({**BODY, "idempotency_key": "other"})[1])["revision"] == "r2"
    assert first[0] == 200
    assert len(Reader(home / "decisions").by_time(services=None)) == 2
