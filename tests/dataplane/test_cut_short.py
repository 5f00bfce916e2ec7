"""A segment whose making was killed at its first write reads as one that was never begun."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from stellwerk.dataplane.decision_log.ids import new_decision_id
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.segments import open_for_reading, segment_file, segments
from stellwerk.dataplane.decision_log.writer import Writer
from tests.dataplane.decision_log.records import keep


def leave_as_killed(file: Path) -> None:
    """Leave what a process leaves that is killed while it turns a new segment to the write-ahead log."""
    work = file.with_name("work")
    connection = sqlite3.connect(work, isolation_level=None)
    connection.execute("PRAGMA cache_size=1")
    connection.execute("CREATE TABLE begun (x)")
    connection.execute("BEGIN")
    # More pages than may wait in memory, so that some are written over while the journal still has the old ones.
    connection.executemany("INSERT INTO begun VALUES (zeroblob(?))", [(5000,)] * 50)
    shutil.copy(work, file)
    shutil.copy(f"{work}-journal", f"{file}-journal")
    connection.close()
    work.unlink()


def test_a_segment_killed_at_its_first_write_hides_none_of_the_others(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 0)
    kept = [keep(writer) for _ in range(3)]
    writer.close()
    leave_as_killed(segment_file(tmp_path, 0, 1))
    writer = Writer(tmp_path, 0)
    kept.append(keep(writer))
    writer.close()
    assert segments(tmp_path, 0) == [0, 1, 2]
    assert open_for_reading(segment_file(tmp_path, 0, 1)) is None
    reader = Reader(tmp_path)
    assert [reader.position_of(each) for each in kept] == [(0, index) for index in range(4)]
    assert len(reader.leaves(0, 0, 10)) == 4
    assert {record.id for record in reader.by_time(services=None)} == set(kept)
    assert reader.by_id(new_decision_id(0, 1)) is None
