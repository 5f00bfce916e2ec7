import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.uikit import formats


@pytest.mark.parametrize(("value", "text"), [(2380, "2,380"), (0.8612, "0.86"), (-1.5, "−1.50"), (None, "–"),
                                             (float("nan"), "–"), (float("inf"), "–"), (0, "0")])
def test_numbers(value: float | int | None, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(("value", "text"), [(0.684, "68.4\u202f%"), (None, "–"), (-0.122, "−12.2\u202f%"),
                                             (1.0, "100.0\u202f%")])
def test_shares(value: float | None, text: str) -> None:
    assert formats.percent(value) == text


@given(st.text(min_size=17))
def test_long_hashes_keep_both_ends(text: str) -> None:
    short = formats.short_hash(text)
    assert len(short) == 13
    assert text.startswith(short[:7])
    assert text.endswith(short[-5:])


def test_short_ids_stay_whole() -> None:
    assert formats.short_hash("40e0e69b7a3d2f10") == "40e0e69b7a3d2f10"


def test_times_read_without_scripts() -> None:
    assert formats.plain_time("2026-11-04T09:05:00.000000Z") == "4 Nov 2026, 09:05 UTC"


@pytest.mark.parametrize(("seconds", "text"), [(0.82, "820 ms"), (4.21, "4.2 s"), (185, "3 min 05 s"),
                                               (7800, "2 h 10 min"), (None, "–")])
def test_durations(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(999, "999 B"), (4_200_000, "4.2 MB"), (5 * 10**12, "5000.0 GB"),
                                             (None, "–")])
def test_sizes(count: int | None, text: str) -> None:
    assert formats.size(count) == text
