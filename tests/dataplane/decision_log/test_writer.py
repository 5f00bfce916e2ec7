"""Writing: kept before it is acknowledged, rotation, and what happens when the disk or the queue is full."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from stellwerk.dataplane.decision_log import writer as module
from stellwerk.dataplane.decision_log.ids import new_decision_id, place_of
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.segments import segments
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.kernel.errors import Unavailable
from tests.dataplane.decision_log.records import keep, record, send


class Calendar:
    def __init__(self) -> None:
        self.day = date(2026, 11, 24)

    def __call__(self) -> date:
        return self.day


@pytest.fixture
def calendar() -> Calendar:
    return Calendar()


@pytest.fixture
def writer(tmp_path: Path, calendar: Calendar) -> Iterator[Writer]:
    made = Writer(tmp_path, 2, today=calendar)
    yield made
    made.close()


def log_of(folder: Path, slot: int = 2) -> list[bytes]:
    return Reader(folder).leaves(slot, 0, 10_000)


@pytest.mark.parametrize("mode", ["sync", "buffered"])
def test_what_is_acknowledged_can_be_read_at_once(tmp_path: Path, writer: Writer, mode: str) -> None:
    ids = [keep(writer, mode=mode) for _ in range(20)]
    reader = Reader(tmp_path)
    assert [reader.position_of(each) for each in ids] == [(2, index) for index in range(20)]


@pytest.mark.parametrize(("modes", "levels"), [
    (["buffered"], ["NORMAL", "FULL"]), (["sync"], ["FULL"]), (["buffered", "sync"], ["FULL"])])
def test_each_mode_commits_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modes: list[str],
                                      levels: list[str]) -> None:
    """``buffered`` alone commits without a sync and owes one; a batch with one ``sync`` record is synced whole."""
    committed: list[str] = []
    names = {1: "NORMAL", 2: "FULL"}

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql == "COMMIT":
                committed.append(names[super().execute("PRAGMA synchronous").fetchone()[0]])
            return super().execute(sql, *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k, factory=Watched))
    writer = Writer(tmp_path, 0)
    busy, free = threading.Event(), threading.Event()

    def hold(_error: BaseException | None) -> None:
        busy.set()
        free.wait(60)

    writer.append(record(writer.new_id()), "sync", hold)
    assert busy.wait(60)
    outcomes = [send(writer, mode=mode)[1] for mode in modes]
    committed.clear()
    free.set()
    assert [outcome.wait() for outcome in outcomes] == [None] * len(modes)
    writer.close()
    assert committed == levels


def test_a_buffered_record_is_put_on_disk_without_another_one(tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    paid = threading.Event()
    pay = Writer._pay

    def watched(self: Writer) -> None:
        owed = self._owed_since
        pay(self)
        if owed is not None and self._owed_since is None:
            paid.set()

    monkeypatch.setattr(Writer, "_pay", watched)
    writer = Writer(tmp_path, 0)
    keep(writer, mode="buffered")
    assert paid.wait(60)
    writer.close()


def test_a_writer_begins_a_new_segment_at_each_start(tmp_path: Path) -> None:
    ids = []
    for _ in range(3):
        writer = Writer(tmp_path, 1)
        ids.append(keep(writer))
        writer.close()
    assert [place_of(each) for each in ids] == [(1, 0), (1, 1), (1, 2)]
    assert [Reader(tmp_path).position_of(each) for each in ids] == [(1, 0), (1, 1), (1, 2)]


def test_a_full_segment_is_followed_by_the_next(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 0, segment_bytes=1)
    ids = [keep(writer) for _ in range(5)]
    writer.close()
    assert [Reader(tmp_path).position_of(each) for each in ids] == [(0, index) for index in range(5)]
    assert len(segments(tmp_path, 0)) == 6
    assert len(log_of(tmp_path, 0)) == 5


def test_size_is_looked_at_whatever_the_sizes_of_batches_were(tmp_path: Path) -> None:
    """Batches of any size must not step over the moment at which the size is looked at."""
    limit = 2_000_000
    writer = Writer(tmp_path, 0, segment_bytes=limit)
    outcomes = [send(writer, mode="buffered", inputs=f'{{"text":"{"x" * 9000}"}}')[1] for _ in range(1001)]
    assert {outcome.wait() for outcome in outcomes} == {None}
    keep(writer)
    writer.close()
    files = sorted((tmp_path / "0000").glob("*.sqlite"))
    assert len(files) > 1
    # The write-ahead log is carried over each 4 MiB, so a segment exceeds the limit by no more than that and a batch.
    assert max(file.stat().st_size for file in files) < limit + 4_300_000 + 256 * 10_000


def test_a_new_day_begins_a_new_segment(tmp_path: Path, writer: Writer, calendar: Calendar) -> None:
    before = keep(writer)
    calendar.day += timedelta(days=1)
    drawn_before = writer.new_id()
    keep(writer, drawn_before)
    after = keep(writer)
    reader = Reader(tmp_path)
    assert place_of(before)[1] == place_of(drawn_before)[1]
    assert place_of(after)[1] == place_of(before)[1] + 1
    assert reader.leaves(2, 1, 9) == [record(drawn_before).leaf(), record(after).leaf()]
    found = reader.by_id(drawn_before)
    assert found is not None
    assert (found.id, reader.position_of(drawn_before)) == (drawn_before, (2, 1))
    with sqlite3.connect(tmp_path / "0002" / "0000000.sqlite") as day:
        assert day.execute("SELECT count(*) FROM decision").fetchone() == (1,)


def test_a_quiet_day_leaves_no_empty_segment(tmp_path: Path, writer: Writer, calendar: Calendar) -> None:
    for _ in range(3):
        calendar.day += timedelta(days=1)
        keep(writer)
    assert segments(tmp_path, 2) == [0, 1, 2]


def test_buffered_records_are_on_disk_before_their_segment_ends(tmp_path: Path, writer: Writer,
                                                                calendar: Calendar) -> None:
    first = keep(writer, mode="buffered")
    calendar.day += timedelta(days=1)
    second = keep(writer, mode="buffered")
    assert (Reader(tmp_path).position_of(first), Reader(tmp_path).position_of(second)) == ((2, 0), (2, 1))
    assert writer.present_segment == 1


def test_a_record_is_found_after_many_rotations_between_its_id_and_its_writing(tmp_path: Path, writer: Writer,
                                                                        calendar: Calendar) -> None:
    keep(writer)
    slow = writer.new_id()
    for _ in range(6):
        calendar.day += timedelta(days=1)
        keep(writer)
    keep(writer, slow)
    reader = Reader(tmp_path)
    assert reader.position_of(slow) == (2, 7)
    assert reader.by_id(slow) == record(slow)


def test_a_full_queue_refuses_at_once_and_goes_on_later(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 0, waiting=3)
    busy, free = threading.Event(), threading.Event()

    def hold(_error: BaseException | None) -> None:
        busy.set()
        free.wait(60)

    writer.append(record(writer.new_id()), "sync", hold)
    assert busy.wait(60)
    waiting = [send(writer)[1] for _ in range(3)]
    refused = writer.new_id()
    with pytest.raises(Unavailable) as caught:
        send(writer, refused)
    assert caught.value.retry_after >= 1
    free.set()
    assert [outcome.wait() for outcome in waiting] == [None] * 3
    keep(writer)
    writer.close()
    assert Reader(tmp_path).by_id(refused) is None
    assert len(log_of(tmp_path, 0)) == 5


@pytest.mark.parametrize("spoilt", [{"score": float("nan")}, {"at_us": 1 << 70}, {"inputs": "\ud800"},
                                    {"service": None}])
def test_a_record_that_cannot_be_kept_does_not_hurt_those_beside_it(tmp_path: Path, spoilt: dict[str, Any]) -> None:
    writer = Writer(tmp_path, 0)
    busy, free = threading.Event(), threading.Event()

    def hold(_error: BaseException | None) -> None:
        busy.set()
        free.wait(60)

    writer.append(record(writer.new_id()), "sync", hold)
    assert busy.wait(60)
    good, bad, better = send(writer), send(writer, **spoilt), send(writer)
    free.set()
    assert (good[1].wait(), better[1].wait()) == (None, None)
    assert isinstance(bad[1].wait(), Unavailable)
    keep(writer)
    writer.close()
    reader = Reader(tmp_path)
    assert reader.by_id(bad[0]) is None
    assert [reader.position_of(good[0]), reader.position_of(better[0])] == [(0, 1), (0, 2)]
    assert len(log_of(tmp_path, 0)) == 4


def test_after_the_end_nothing_is_taken(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 0)
    keep(writer)
    writer.close()
    with pytest.raises(Unavailable):
        send(writer)
    writer.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_dies_leaves_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise ZeroDivisionError

    writer = Writer(tmp_path, 0)
    monkeypatch.setattr(writer, "_write", fault)
    try:
        _, outcome = send(writer)
        assert isinstance(outcome.wait(), Unavailable)
    finally:
        writer.close()
    assert not writer.alive
    with pytest.raises(Unavailable):
        send(writer)


def test_a_folder_that_was_taken_away_is_said_not_hung(tmp_path: Path, calendar: Calendar) -> None:
    writer = Writer(tmp_path / "log", 0, today=calendar)
    keep(writer)
    (tmp_path / "log" / "0000").rename(tmp_path / "gone")
    (tmp_path / "log").rmdir()
    (tmp_path / "log").write_text("in the way")
    calendar.day += timedelta(days=1)
    _, outcome = send(writer)
    outcome.wait()
    assert writer.alive
    writer.close()


FULL_DISK = """
import os, resource, sys
from pathlib import Path
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.kernel.errors import Unavailable
from tests.dataplane.decision_log.records import keep, send
folder, mode = Path(sys.argv[1]), sys.argv[2]
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
writer = Writer(folder, 0)
kept, refused = [], []
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
for _ in range(3000):
    made, outcome = send(writer, mode=mode)
    error = outcome.wait()
    (kept if error is None else refused).append(made)
    if error is not None:
        assert isinstance(error, Unavailable), error
        assert "disk" in error.message and error.retry_after > 1, error.message
    if len(refused) == 20:
        break
assert len(refused) == 20 and kept, (len(kept), len(refused))
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
kept += [keep(writer, mode=mode) for _ in range(20)]
reader = Reader(folder)
assert [reader.position_of(each) for each in kept] == [(0, index) for index in range(len(kept))]
assert not any(reader.by_id(each) for each in refused)
assert len(reader.leaves(0, 0, 1 << 20)) == len(kept)
writer.close()
assert len(Reader(folder).leaves(0, 0, 1 << 20)) == len(kept)
print(len(kept))
"""


def run(source: str, *arguments: str) -> str:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", source, *arguments], capture_output=True, text=True, timeout=100,
                          cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("mode", ["sync", "buffered"])
def test_a_full_disk_refuses_and_space_again_is_enough(tmp_path: Path, mode: str) -> None:
    assert int(run(FULL_DISK, str(tmp_path / "log"), mode)) > 30


SMALL_VOLUME = """
import sys
from pathlib import Path
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.writer import Writer
from tests.dataplane.decision_log.records import keep, send
folder = Path(sys.argv[1])
writer = Writer(folder / "log", 0, segment_bytes=200_000)
ballast = folder / "ballast"
kept, refused = [], 0
for round in range(3):
    with ballast.open("wb") as stream:
        try:
            while stream.write(bytes(1 << 16)):
                stream.flush()
        except OSError:
            pass
    for number in range(400):
        made, outcome = send(writer, mode="buffered" if number % 2 else "sync")
        if outcome.wait() is None:
            kept.append(made)
        else:
            refused += 1
    ballast.unlink()
    kept += [keep(writer) for _ in range(100)]
assert refused, "the volume was never full"
reader = Reader(folder / "log")
assert [reader.position_of(each) for each in kept] == [(0, index) for index in range(len(kept))]
writer.close()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small volume needs root")
def test_a_small_volume_fills_and_empties_again(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(volume)], capture_output=True,
                             check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        run(SMALL_VOLUME, str(volume))
    finally:
        subprocess.run(["umount", str(volume)], check=True)


def test_a_failed_rotation_leaves_no_handle_open(tmp_path: Path, calendar: Calendar,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(tmp_path, 0, today=calendar)
    keep(writer)

    def refused(_file: Path) -> sqlite3.Connection:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as full:
        full.setattr(module, "open_for_writing", refused)
        calendar.day += timedelta(days=1)
        ids = [keep(writer) for _ in range(3)]
    ids.append(keep(writer))
    writer.close()
    assert [Reader(tmp_path).position_of(each) for each in ids] == [(0, 1), (0, 2), (0, 3), (0, 4)]
    assert place_of(new_decision_id(0, 0))[1] != writer.present_segment == 1


def test_a_debt_that_cannot_be_paid_is_not_asked_for_without_pause(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(tmp_path, 0)
    keep(writer)

    def full(_on: bool) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    long_ago = 1.0
    with monkeypatch.context() as broken:
        broken.setattr(writer, "_synchronous", full)
        writer._owed_since = long_ago
        writer._pay()
        owed = writer._owed_since
    assert owed is not None
    assert owed > long_ago
    writer.close()
    assert writer._owed_since is None
