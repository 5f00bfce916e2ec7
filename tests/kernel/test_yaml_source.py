"""YAML is read as people mean it, and nothing in it can surprise or stall the reader."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.yaml_source import read


@pytest.mark.parametrize("word", ["yes", "no", "NO", "on", "off", "y", "n", "2024-01-01", "12:30", "1:30", "1_000", "0b1",
                                  "0o9", ".5.", "1e", "+.nan", "<<", "="])
def test_words_stay_words(word: str) -> None:
    top, faults = read(f"a: {word}", "f")
    assert top.anything("a") == word
    faults.raise_any()


@pytest.mark.parametrize(("word", "value"), [
    ("010", 10), ("-7", -7), ("+7", 7), ("0o17", 15), ("0x1F", 31), ("1e-3", 0.001), ("1.", 1.0), (".5", 0.5),
    ("-2E+2", -200.0), ("TRUE", True), ("NULL", None), ("~", None)])
def test_plain_values_are_those_of_yaml_1_2(word: str, value: object) -> None:
    top, _ = read(f"a: {word}", "f")
    found = top.anything("a")
    assert (type(found), found) == (type(value), value)


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


def test_doubled_keys_are_named_at_every_depth() -> None:
    _, faults = read("a:\n  - b: {c: 1,\n        c: 2}\n", "f")
    assert [(fault["line"], fault["field"], fault["message"]) for fault in faults.found] == [
        (3, "a[0].b.c", "stands twice")]


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
        ("c[1]", 4), ("e[1]", 5), ("f", 6), ("f", 6), ("f", 6)]


def test_entries_of_a_list_have_their_own_lines() -> None:
    top, faults = read("a:\n  - x\n  - {b: 1}\n  - y\n  - xx\n", "f")
    assert [type(entry).__name__ for entry in top.entries("a", "a list")] == ["str", "Section", "str", "str"]
    top.fault_in("a", 2, "is odd", allowed="x")
    assert faults.found == [{"file": "f", "line": 4, "field": "a[2]", "message": "is odd", "value": "y",
                             "allowed": "x"}]
    top, faults = read("a:\n  - x\n  - z\n  - x\n", "f")
    top.texts("a", options=["x", "y"])
    assert [(fault["line"], fault["message"]) for fault in faults.found] == [
        (3, "is none of the allowed values"), (4, "stands twice")]


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t0.~é\x00\ud83d"), max_size=40))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        top, _ = read(text, "f")
        for name in top.names():
            top.anything(name)
    except BadInput as error:
        assert error.message.startswith("f")
