"""Ids of decisions name the writer and the segment."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.dataplane.decision_log.ids import SEGMENTS, SLOTS, Randomness, new_decision_id, place_of
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.ids import new_id


@given(st.integers(0, SLOTS - 1), st.integers(0, SEGMENTS - 1))
def test_an_id_names_slot_and_segment(slot: int, segment: int) -> None:
    made = new_decision_id(slot, segment)
    assert place_of(made) == (slot, segment)
    assert uuid.UUID(made).version == 7
    assert uuid.UUID(made).variant == uuid.RFC_4122


@given(st.integers() | st.just(SLOTS), st.integers() | st.just(SEGMENTS))
def test_what_does_not_fit_is_no_id(slot: int, segment: int) -> None:
    if 0 <= slot < SLOTS and 0 <= segment < SEGMENTS:
        assert place_of(new_decision_id(slot, segment)) == (slot, segment)
    else:
        with pytest.raises(ValueError):
            new_decision_id(slot, segment)


def test_ids_of_one_place_differ_and_sort_by_time() -> None:
    made = [new_decision_id(3, 9) for _ in range(2000)]
    assert len(set(made)) == len(made)
    assert [each[:13] for each in made] == sorted(each[:13] for each in made)


@given(st.lists(st.integers(1, 16), max_size=50))
def test_randomness_in_bulk_gives_each_byte_once(counts: list[int]) -> None:
    source = Randomness(bulk=16)
    pieces = [source.take(count) for count in counts]
    assert [len(piece) for piece in pieces] == counts
    long = [piece for piece in pieces if len(piece) > 7]
    assert len(set(long)) == len(long)


def test_a_given_noise_is_the_end_of_the_id() -> None:
    assert new_decision_id(1, 2, b"\xff" * 6)[-10:] == "ff" * 5
    assert place_of(new_decision_id(1, 2, b"\xff" * 6)) == (1, 2)


@given(st.text(max_size=60) | st.uuids().map(str) | st.just(new_id().upper()) | st.just("{" + new_id() + "}"))
def test_other_text_is_refused_in_words(text: str) -> None:
    try:
        value = uuid.UUID(text)
    except ValueError:
        value = None
    if value is not None and value.version == 7 and str(value) == text:
        assert place_of(text)[0] < SLOTS
    else:
        with pytest.raises(BadInput) as caught:
            place_of(text)
        assert caught.value.field == "id"
