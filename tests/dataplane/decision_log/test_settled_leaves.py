"""What may still be lost by a power cut is not sealed yet."""

from __future__ import annotations

import threading
from pathlib import Path

from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.record import Record
from stellwerk.dataplane.decision_log.writer import Writer


def record(writer: Writer, at_us: int) -> Record:
    return Record(id=writer.new_id(), at_us=at_us, service="s", revision="r", version=1, route="champion", caller="c",
                  decision="selected", score=0.5, threshold=0.5, marks="[]", mode="sync", latency_us=1,
                  idempotency=None, inputs="{}", subject=None, protected=None, nonce=b"\0" * 16)


def test_leaves_end_before_the_first_record_that_is_too_young(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 0)
    for at_us in (10, 20, 50, 30):
        kept = threading.Event()
        writer.append(record(writer, at_us), "sync", lambda error, kept=kept: kept.set())  # type: ignore[misc]
        assert kept.wait(10)
    writer.close()
    reader = Reader(tmp_path)
    assert len(reader.leaves(0, 0, 100)) == 4
    # The last one is old enough, but a position must never be skipped.
    assert len(reader.leaves(0, 0, 100, until_us=40)) == 2
    assert len(reader.leaves(0, 1, 100, until_us=40)) == 1
    assert reader.leaves(0, 2, 100, until_us=40) == []
