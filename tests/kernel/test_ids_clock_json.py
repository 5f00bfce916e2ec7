"""Ids sort by time, times survive the store, equal content has equal bytes."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.kernel import canonical_json, clock, hashing, ids

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])),
                                                                inner, max_size=4), max_leaves=20)


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**12 - 1), st.integers(0, 2**62 - 1))
def test_parts_of_an_id_come_back(unix_ms: int, rand_a: int, rand_b: int) -> None:
    made = ids.uuid7(unix_ms, rand_a, rand_b)
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert (made.int >> 80, (made.int >> 64) & 0xFFF, made.int & (2**62 - 1)) == (unix_ms, rand_a, rand_b)


@pytest.mark.parametrize("parts", [(2**48, 0, 0), (0, 2**12, 0), (0, 0, 2**62), (-1, 0, 0)])
def test_parts_that_do_not_fit_are_refused(parts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="out of range"):
        ids.uuid7(*parts)


def test_ids_of_one_moment_differ() -> None:
    assert len({ids.new_id() for _ in range(2000)}) == 2000


@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)))
def test_times_survive_the_store(naive: datetime) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(hours=2)))
    assert clock.from_us(clock.to_us(moment)) == moment
    assert clock.iso(moment).endswith("Z")
    assert datetime.fromisoformat(clock.iso(moment)) == moment.astimezone(UTC)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        clock.to_us(datetime(2026, 1, 1))


@given(JSON)
def test_canonical_bytes_mean_the_value(value: object) -> None:
    data = canonical_json.dumps(value)
    assert canonical_json.loads(data) == value
    assert canonical_json.dumps(json.loads(data)) == data


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers()))
def test_order_of_keys_does_not_matter(value: dict[str, int]) -> None:
    assert hashing.digest_of(value) == hashing.digest_of(dict(reversed(value.items())))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, {"a": {3}}, [b"x"], "\ud800"])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_json.dumps(value)
