"""Made-up records for the tests of the decision log."""

from __future__ import annotations

import threading
from typing import Any

from stellwerk.dataplane.decision_log.record import Record
from stellwerk.dataplane.decision_log.writer import Writer

NOON = 1_795_521_600_000_000


def record(decision_id: str, **changes: Any) -> Record:
    """Return a record of one decision."""
    values: dict[str, Any] = {
        "id": decision_id, "at_us": NOON, "service": "loans", "revision": "r1", "version": 1, "route": "champion",
        "caller": "till", "decision": "selected", "score": 0.75, "threshold": 0.5, "marks": "[]", "mode": "sync",
        "latency_us": 120, "idempotency": None, "inputs": '{"income":1.5}', "subject": "p1", "protected": None,
        "nonce": b"0123456789abcdef"}
    return Record(**(values | changes))


class Outcome:
    """What a writer said about one record."""

    def __init__(self) -> None:
        self._said = threading.Event()
        self.error: BaseException | None = None

    def __call__(self, error: BaseException | None) -> None:
        self.error = error
        self._said.set()

    def wait(self) -> BaseException | None:
        """Return the error, None when the record is kept."""
        assert self._said.wait(60), "the writer never said what became of the record"
        return self.error


def send(writer: Writer, decision_id: str | None = None, mode: Any = "sync", **changes: Any) -> tuple[str, Outcome]:
    """Hand one record over; returns its id and what will be said about it."""
    decision_id = decision_id or writer.new_id()
    outcome = Outcome()
    writer.append(record(decision_id, mode=mode, **changes), mode, outcome)
    return decision_id, outcome


def keep(writer: Writer, decision_id: str | None = None, mode: Any = "sync", **changes: Any) -> str:
    """Hand one record over and return its id once it is kept."""
    made, outcome = send(writer, decision_id, mode, **changes)
    assert outcome.wait() is None
    return made
