"""YAML is read as people mean it, and nothing in it can surprise or stall the reader."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.yaml_source import read


@pytest.mark.parametrize("word", ["yes", "no", "NO", "on", "off", "y", "n", "2024-01-01", "12:30"])
def test_words_stay_words(word: str) -> None:
    top, faults = read(f"a: {word}", "f")
    assert str(top.anything("a")) == word or word == "12:30"
    faults.raise_any()


def test_plain_values() -> None:
    top, _ = read("a: true\nb: 1\nc: 1.5\nd: ~\ne: [x, {f: null}]", "f")
    assert [top.anything(name) for name in "abcde"] == [True, 1, 1.5, None, ["x", {"f": None}]]
    assert top.flag("a", False)
    assert top.integer("b", 0, low=0, high=5) == 1
    assert top.number("b") == 1.0
    assert "d" not in top
    assert top.names() == list("abcde")


@pytest.mark.parametrize(("text", "words"), [
    ("- a", "holds no mapping"), ("", "holds no mapping"), ("just words", "holds no mapping"),
    ("a: [1", "line 1"), ("a: b: c", "line 1, column 5"), ("a: &x 1\nb: *x", "line 1: anchors"),
    ("a: 1\n---\nb: 2", "not readable as YAML"), ("\x00", "not readable as YAML"), ("a: " + "x" * (257 << 10), "larger"),
    ("a: " + "[" * 5000, "f"), ("? {a: 1}\n: b", "keys are texts"), ("a: !!python/object:os.system 1", "tags"),
    ("a: !x 1", "tags"),
])
def test_what_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        read(text, "f")
    assert words in caught.value.message
    assert caught.value.message.startswith("f")


def test_doubled_and_unknown_keys_are_named() -> None:
    top, faults = read("name: a\nname: b\nnmae: c\n", "f")
    top.text("name")
    top.finish()
    with pytest.raises(BadInput) as caught:
        faults.raise_any()
    assert caught.value.message == "f, line 2: name: stands twice (and 1 more)"
    assert caught.value.details[1] == {"file": "f", "line": 3, "field": "nmae", "message": "is not known here",
                                       "value": "nmae", "allowed": ["name"], "hint": "Did you mean name?"}


@pytest.mark.parametrize("value", [".inf", "-.inf", ".nan", "true", "'1'", "[1]", "1" * 400])
def test_numbers_are_finite_numbers(value: str) -> None:
    top, faults = read(f"a: {value}", "f")
    assert top.number("a") is None
    assert faults.found[0]["line"] == 1


def test_sections_and_lists() -> None:
    top, faults = read("a: {b: 1}\nc:\n  - {d: x}\n  - y\ne: [p, p]\nf: 3\n", "f")
    section = top.section("a")
    assert section is not None
    assert section.at("b") == "a.b"
    assert [each.text("d") for each in top.sections("c")] == ["x"]
    assert top.texts("e") == ("p", "p")
    assert top.section("f") is None
    assert list(top.sections("f")) == []
    assert top.texts("f") == ()
    assert [(fault["field"], fault["line"]) for fault in faults.found] == [
        ("c[1]", 4), ("e", 5), ("f", 6), ("f", 6), ("f", 6)]


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t0.~é\x00\ud83d"), max_size=40))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        top, _ = read(text, "f")
        for name in top.names():
            top.anything(name)
    except BadInput as error:
        assert error.message.startswith("f")
