"""Records are found by id, subject, service and time, across segments and writers; leaves have fixed positions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.dataplane.decision_log.ids import new_decision_id
from stellwerk.dataplane.decision_log.reader import Reader
from stellwerk.dataplane.decision_log.record import Record, commitment
from stellwerk.dataplane.decision_log.segments import (
    INSERT,
    open_for_reading,
    open_for_writing,
    segment_file,
    segments,
    slots,
)
from stellwerk.dataplane.decision_log.writer import Writer
from stellwerk.kernel import canonical_json
from stellwerk.kernel.errors import BadInput
from tests.dataplane.decision_log.records import NOON, keep, record


def lay(folder: Path, slot: int, segment: int, records: list[Record]) -> None:
    connection = open_for_writing(segment_file(folder, slot, segment))
    connection.executemany(INSERT, [each.row() for each in records])
    connection.close()


def pages(read: Callable[..., list[Record]], limit: int, **where: Any) -> list[str]:
    found: list[str] = []
    after = None
    while page := read(after=after, limit=limit, **where):
        assert len(page) <= limit
        found += [each.id for each in page]
        after = found[-1]
    return found


def test_a_record_comes_back_whole(tmp_path: Path) -> None:
    writer = Writer(tmp_path, 5)
    wanted = record(writer.new_id(), score=0.1 + 0.2, marks='[{"mark":"ä"}]', protected='{"group":"u"}',
                    idempotency="k", subject=None)
    assert keep(writer, wanted.id, score=wanted.score, marks=wanted.marks, protected=wanted.protected,
                idempotency="k", subject=None)
    assert Reader(tmp_path).by_id(wanted.id) == wanted
    assert Reader(tmp_path).slots() == [5]
    writer.close()
    assert Reader(tmp_path).by_id(wanted.id) == wanted


def test_an_id_that_is_nowhere_is_none(tmp_path: Path) -> None:
    keep(writer := Writer(tmp_path, 0))
    assert Reader(tmp_path).by_id(writer.new_id()) is None
    assert Reader(tmp_path).by_id(new_decision_id(9, 9)) is None
    assert Reader(tmp_path).position_of(new_decision_id(0, 7)) is None
    writer.close()


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    reader = Reader(tmp_path / "none")
    assert (reader.slots(), reader.leaves(0, 0, 5), reader.by_time(services=None)) == ([], [], [])
    (tmp_path / "0000.lock").touch()
    (tmp_path / "idempotency.sqlite").touch()
    assert slots(tmp_path) == []


@pytest.mark.parametrize("name", ["100%", "a?mode=memory", "b#c", "d%20e", "ä"])
def test_the_home_may_have_any_name(tmp_path: Path, name: str) -> None:
    writer = Writer(tmp_path / name, 0)
    kept = keep(writer)
    found = Reader(tmp_path / name).by_id(kept)
    writer.close()
    assert found is not None
    assert found.id == kept


def test_a_segment_whose_making_was_cut_short_reads_as_none(tmp_path: Path) -> None:
    file = segment_file(tmp_path, 0, 0)
    file.parent.mkdir()
    file.touch()
    assert open_for_reading(file) is None
    assert Reader(tmp_path).leaves(0, 0, 5) == []


SPREAD = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 5), st.sampled_from("ab"),
                            st.sampled_from(["loans", "cards"])), max_size=40)


@settings(max_examples=30, deadline=None)
@given(spread=SPREAD, limit=st.integers(1, 7))
def test_paging_finds_each_once_newest_first(tmp_path_factory: pytest.TempPathFactory, spread: list[Any],
                                             limit: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    laid: dict[tuple[int, int], list[Record]] = {}
    for slot, segment, second, subject, service in spread:
        # A writer's segments follow each other in time; within one, times may be equal or in any order.
        made = record(new_decision_id(slot, segment), at_us=NOON + segment * 10 + second, subject=subject,
                      service=service)
        laid.setdefault((slot, segment), []).append(made)
    for (slot, segment), records in laid.items():
        lay(folder, slot, segment, records)
    wanted = sorted((each for records in laid.values() for each in records), key=lambda each: (each.at_us, each.id),
                    reverse=True)
    reader = Reader(folder)
    assert pages(reader.by_time, limit, services=None) == [each.id for each in wanted]
    assert pages(reader.by_time, limit, services=[]) == []
    assert pages(reader.by_time, limit, services=["cards"], since_us=NOON + 3, until_us=NOON + 25) == [
        each.id for each in wanted if each.service == "cards" and NOON + 3 <= each.at_us < NOON + 25]
    assert pages(lambda **more: reader.by_subject("a", **more), limit, services=["loans", "cards"]) == [
        each.id for each in wanted if each.subject == "a"]
    assert pages(lambda **more: reader.by_subject("a", since_us=NOON + 3, until_us=NOON + 25, **more), limit,
                 services=["cards"]) == [each.id for each in wanted if each.subject == "a" and each.service == "cards"
                                         and NOON + 3 <= each.at_us < NOON + 25]


def test_a_page_token_must_name_a_decision(tmp_path: Path) -> None:
    keep(writer := Writer(tmp_path, 0))
    writer.close()
    for token in ("x", new_decision_id(0, 0)):
        with pytest.raises(BadInput):
            Reader(tmp_path).by_time(services=None, after=token)


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.integers(0, 4), min_size=1, max_size=5), step=st.integers(1, 6))
def test_leaves_are_in_order_and_positions_agree(tmp_path_factory: pytest.TempPathFactory, counts: list[int],
                                                 step: int) -> None:
    folder = tmp_path_factory.mktemp("log")
    laid = []
    for segment, count in enumerate(counts):
        records = [record(new_decision_id(4, segment), at_us=NOON + segment) for _ in range(count)]
        lay(folder, 4, segment, records)
        laid += records
    reader = Reader(folder)
    found: list[bytes] = []
    while more := reader.leaves(4, len(found), step):
        assert len(more) <= step
        found += more
    assert found == [each.leaf() for each in laid]
    assert [reader.position_of(each.id) for each in laid] == [(4, index) for index in range(len(laid))]


def test_positions_hold_while_the_next_segment_lies_half_made(tmp_path: Path) -> None:
    """A full disk can leave the next segment empty while the present one still grows."""
    first = [record(new_decision_id(0, 0)) for _ in range(2)]
    lay(tmp_path, 0, 0, first)
    lay(tmp_path, 0, 1, [])
    reader = Reader(tmp_path)
    assert reader.position_of(first[1].id) == (0, 1)
    assert len(reader.leaves(0, 0, 9)) == 2
    late = record(new_decision_id(0, 0))
    lay(tmp_path, 0, 0, [late])
    following = record(new_decision_id(0, 1))
    lay(tmp_path, 0, 1, [following])
    assert reader.position_of(following.id) == (0, 3)
    assert reader.leaves(0, 2, 9) == [late.leaf(), following.leaf()]


def test_positions_hold_when_the_writer_rotates_between_two_looks(tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    """The last records of a segment and its successor may come while the reader is at work."""
    lay(tmp_path, 0, 0, [record(new_decision_id(0, 0))])
    late, following = record(new_decision_id(0, 0)), record(new_decision_id(0, 1))
    from stellwerk.dataplane.decision_log import reader as module

    def opened(file: Path) -> Any:
        found = open_for_reading(file)
        if file == segment_file(tmp_path, 0, 0) and not segment_file(tmp_path, 0, 1).exists():
            # A reader's transaction begins with its first statement, so hold the state before the rotation.
            assert found is not None
            found.execute("BEGIN")
            found.execute("SELECT max(rowid) FROM decision").fetchone()
            lay(tmp_path, 0, 0, [late])
            lay(tmp_path, 0, 1, [following])
        return found

    monkeypatch.setattr(module, "open_for_reading", opened)
    reader = Reader(tmp_path)
    assert len(reader.leaves(0, 0, 1)) == 1
    assert reader.position_of(following.id) == (0, 2)


def test_the_leaf_hides_what_is_personal_and_commits_to_it() -> None:
    whole = record(new_decision_id(0, 0), subject="Vera Vogt", inputs='{"b":2,"a":"secret"}',
                   protected='{"group":"u"}', idempotency="key-of-caller", marks='[{"field":"a"}]')
    leaf = canonical_json.loads(whole.leaf())
    assert b"secret" not in whole.leaf()
    assert b"Vera" not in whole.leaf()
    assert leaf["commitment"] == commitment(whole.nonce, {"protected": {"group": "u"}, "subject": "Vera Vogt",
                                                          "inputs": {"a": "secret", "b": 2}})
    assert set(leaf) == {"v", "id", "at", "service", "revision", "model_version", "route", "caller", "decision",
                         "score", "threshold", "marks", "mode", "commitment"}
    assert record(whole.id, nonce=b"another nonce 16").leaf() != record(whole.id).leaf()


def test_segments_are_listed_by_number_only(tmp_path: Path) -> None:
    for number in (10, 2):
        lay(tmp_path, 0, number, [])
    (tmp_path / "0000" / "notes.sqlite").touch()
    assert segments(tmp_path, 0) == [2, 10]
    assert segments(tmp_path, 1) == []
