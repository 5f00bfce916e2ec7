"""Patterns are matched in linear time; what cannot be is refused in words."""

from __future__ import annotations

import pytest

from stellwerk.kernel.patterns import compile_pattern


# Each took a backtracking engine longer than anyone waits.
@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)+b", "(a*)*b", "(.*a){20}b"])
def test_no_text_makes_a_pattern_slow(pattern: str) -> None:
    compiled = compile_pattern(pattern)
    assert not compiled.fullmatch("a" * 10_000)
    assert compiled.fullmatch("a" * 40 + "b")


@pytest.mark.parametrize(("pattern", "yes", "no"), [
    (r"[A-Z]{2}\d{4}", "DE1234", "DE12345"), ("ü+", "üü", "u"), ("(?i)ja|nein", "JA", "ja "), ("", "", "x"),
])
def test_the_whole_text_is_matched(pattern: str, yes: str, no: str) -> None:
    assert compile_pattern(pattern).fullmatch(yes)
    assert not compile_pattern(pattern).fullmatch(no)


@pytest.mark.parametrize("pattern", ["(", "[z-a]", "a{2,1}", r"(a)\1", "(?=a)b", "(?<!a)b", "a{100000}"])
def test_what_cannot_be_matched_so_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="linear time"):
        compile_pattern(pattern)
