"""Page tokens: they give back where a page ended, to the search that they belong to and to no other."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.paging import make_token, page_size, query_mark, read_token

MARK = query_mark("runs", ["1"], "metrics.a > 1")
KINDS = (int, (int, float), str)
POSITIONS = st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False),
                      st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"])))


@given(POSITIONS)
def test_positions_come_back(position: tuple[int, float, str]) -> None:
    assert read_token(make_token(MARK, list(position)), MARK, KINDS) == list(position)


@given(st.text(max_size=50) | st.binary(max_size=50).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_any_text_is_a_position_or_refused(text: str) -> None:
    try:
        found = read_token(text, MARK, KINDS)
    except BadInput as error:
        assert "page token" in error.message
        return
    assert found is None
    assert text == ""


@pytest.mark.parametrize("content", [
    [MARK, 1, 2.0], [MARK, 1, 2.0, "a", 1], [MARK, "1", 2.0, "a"], [MARK, 1, "2", "a"], [MARK, 1, 2.0, 3], [MARK, True, 2.0, "a"],
    [MARK, 2**63, 2.0, "a"], [MARK, 1, 2.0, "a\x00"], [MARK, None, 2.0, "a"], [MARK, 1.5, 2.0, "a"], ["other", 1, 2.0, "a"],
    {"a": 1}, "x", None, [], [[MARK], 1, 2.0, "a"],
])
def test_forged_tokens(content: object) -> None:
    with pytest.raises(BadInput):
        read_token(base64.urlsafe_b64encode(json.dumps(content).encode()).decode(), MARK, KINDS)


def test_a_token_that_is_too_long() -> None:
    with pytest.raises(BadInput):
        read_token(make_token(MARK, [1, 2.0, "a" * 20_000]), MARK, KINDS)


def test_no_token_is_the_first_page() -> None:
    assert read_token(None, MARK, KINDS) is None
    assert read_token("", MARK, KINDS) is None


def test_marks_tell_searches_apart() -> None:
    marks = {query_mark("runs", [1], "a"), query_mark("runs", [1], "b"), query_mark("runs", [2], "a"), query_mark("x", [1], "a"),
             query_mark("runs", [1], None), query_mark("runs", [1, "a"])}
    assert len(marks) == 6
    assert query_mark("a", [1]) == query_mark("a", [1])


def test_sizes() -> None:
    assert (page_size(None, 100, 1000), page_size(1, 100, 1000), page_size(1000, 100, 1000)) == (100, 1, 1000)
    for wanted in (0, -1, 1001, 10**30):
        with pytest.raises(BadInput, match="max_results"):
            page_size(wanted, 100, 1000)
