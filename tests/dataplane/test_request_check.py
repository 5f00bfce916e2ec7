"""Whatever is sent, a check answers with the checked request or with an error in words."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stellwerk.dataplane.request_check import BODY_BYTES, RequestCheck, read_json
from stellwerk.dataplane.snapshot import Field
from stellwerk.kernel.errors import BadInput, StellwerkError, TooLarge

INPUTS = [
    Field(name="income", type="number", minimum=0, maximum=1e6, seen_min=10, seen_max=5000),
    Field(name="years", type="integer", nullable=True, minimum=0),
    Field(name="town", type="string", enum=["north", "south"], nullable=True, seen_categories=["north"]),
    Field(name="code", type="string", pattern="[A-Z]{2}", max_length=2, nullable=True),
    Field(name="note", type="string", nullable=True, seen_categories=["a"]),
    Field(name="married", type="boolean", nullable=True),
    Field(name="free", type="number", nullable=True, seen_min=0),
]
CHECK = RequestCheck(INPUTS, [Field(name="group", type="string", enum=["u", "v"])], "person")
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
    | st.sampled_from([10**400, -(10**400), 2**64, -(2**63) - 1, 1e308, "\ud800", "north", "nort", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=8)
NAMES = st.sampled_from([field.name for field in INPUTS])
REQUESTS = st.fixed_dictionaries({}, optional={
    "inputs": st.dictionaries(NAMES | st.text(max_size=5), ANY, max_size=7) | ANY,
    "subject": ANY | st.text(max_size=5), "protected": st.dictionaries(st.just("group") | st.text(max_size=3), ANY),
    "idempotency_key": ANY, "\udfff": ANY})


def good(**inputs: Any) -> dict[str, Any]:
    return {"subject": "p1", "inputs": {"income": 100, **inputs}}


def refused(body: dict[str, Any]) -> BadInput:
    with pytest.raises(BadInput) as caught:
        CHECK(body)
    assert caught.value.field
    return caught.value


@given(REQUESTS | st.dictionaries(st.text(st.characters()), ANY, max_size=4))
@example({"subject": "p", "inputs": {"income": 10**400}})
@example({"subject": "p", "inputs": {"income": 1, "free": 10**30}})
@example({"subject": 10**4000, "inputs": {"income": 1}})
@example({"subject": "\ud800", "inputs": {"income": 1}})
def test_any_json_is_checked_or_refused_in_words(body: Any) -> None:
    try:
        checked = CHECK(body)
    except StellwerkError as error:
        assert error.status == 400
        json.loads(msgspec.json.encode(error.body(), enc_hook=str))
        return
    assert set(checked.inputs) == {field.name for field in INPUTS}
    assert checked.subject
    json.dumps([checked.inputs, checked.subject, checked.protected, checked.idempotency_key, checked.marks],
               ensure_ascii=False, allow_nan=False).encode()
    msgspec.json.encode(checked.marks)


@given(st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
       | ANY.map(lambda value: json.dumps(value).encode())
       | REQUESTS.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_in_words(body: bytes) -> None:
    try:
        value = read_json(body)
    except StellwerkError as error:
        json.loads(msgspec.json.encode(error.body(), enc_hook=str))
        return
    assert value == json.loads(body)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize("body", [
    b"", b"null", b"[]", b'"x"', b"1", b"{", b'{"a":1}x', b"{'a':1}", b'{"a":01}', b'{"a":.5}', b'{"a":1.}', b'{"a":+1}',
    b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":[-1e999]}', b'{"a":1,"a":1}',
    b'{"a":{"b":1,"b":2}}', b'{"a":"\t"}', b'{"a":1,}', b'{"a":"\\x"}', b'{"a":"\\ud800"}', b'{"\\udc00":1}',
    b'{"a":{"b":["\\ud83d"]}}', b"\xef\xbb\xbf{}", b'{"a":"\xff"}', '{"a":1}'.encode("utf-16"), b'{"a":"\xed\xa0\x80"}',
    b'{"a":' + b"9" * 5000 + b"}", b'{"a":' + b"[" * 65 + b"]" * 65 + b"}", b"{" * 100_000, b'{"a":' * 100_000,
    b"[" * 500_000, b'{"a":1} /* no */', b'{"a":\x00}'])
def test_what_is_no_strict_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        read_json(body)
    assert caught.value.field == "body"


@pytest.mark.parametrize("body", [
    {}, {"a": "[" * 100}, {"a": '\\"[[[' * 60}, {"a": "\U0001f600"}, {"a": ["{"] * 70}, {"a": 2**64}, {"a": [[1.5]]},
    {"a": [{}] * 200}, {"ä": None}])
def test_strict_json_is_read(body: dict[str, Any]) -> None:
    assert read_json(json.dumps(body).encode()) == body
    assert read_json(json.dumps(body, ensure_ascii=False).encode()) == body


def test_exactly_64_levels_are_read() -> None:
    body = b'{"a":' * 64 + b"1" + b"}" * 64
    assert read_json(body) == json.loads(body)
    with pytest.raises(BadInput, match="64"):
        read_json(b'{"a":' + body + b"}")


def test_a_body_over_the_limit_is_too_large() -> None:
    assert read_json(b'{"a":1}'.ljust(BODY_BYTES)) == {"a": 1}
    with pytest.raises(TooLarge):
        read_json(b'{"a":1}'.ljust(BODY_BYTES + 1))


def test_reading_takes_steps_in_proportion_to_length() -> None:
    """Brackets before an open text full of quotes: a search that starts over at each quote would not end in time."""
    with pytest.raises(BadInput):
        read_json((b"[" * 70 + b'"' + b'\\"' * BODY_BYTES)[:BODY_BYTES])


def test_absent_and_null_are_the_same_and_come_out_as_null() -> None:
    absent, null = CHECK(good()), CHECK(good(years=None, town=None))
    assert absent.inputs == null.inputs == {"income": 100, "years": None, "town": None, "code": None, "note": None,
                                            "married": None, "free": None}
    assert absent.protected is None
    assert list(absent.inputs) == [field.name for field in INPUTS]


@pytest.mark.parametrize(("inputs", "field", "says"), [
    ({"income": None}, "inputs.income", "missing"), ({"income": -1}, "inputs.income", "limits"),
    ({"income": 1e6 + 1}, "inputs.income", "limits"), ({"income": True}, "inputs.income", "not a number"),
    ({"income": "5"}, "inputs.income", "not a number"), ({"income": 10**400}, "inputs.income", "larger"),
    ({"years": 1.5}, "inputs.years", "whole"), ({"years": -1}, "inputs.years", "limits"),
    ({"town": "nort"}, "inputs.town", "allowed values"), ({"town": 1}, "inputs.town", "not text"),
    ({"code": "A"}, "inputs.code", "match"), ({"code": "AB\n"}, "inputs.code", "too long"),
    ({"code": "ABC"}, "inputs.code", "too long"), ({"note": "x" * 10_001}, "inputs.note", "too long"),
    ({"married": 1}, "inputs.married", "truth value"), ({"married": "true"}, "inputs.married", "truth value"),
    ({"free": 1e39}, "inputs.free", "larger"), ({"free": float("inf")}, "inputs.free", "not a number"),
    ({"free": float("nan")}, "inputs.free", "not a number")])
def test_only_what_the_contract_allows(inputs: dict[str, Any], field: str, says: str) -> None:
    error = refused(good(**inputs))
    assert error.field == field
    assert says in error.message
    assert error.allowed is not None


@pytest.mark.parametrize("inputs", [
    {"income": 0}, {"income": 1e6}, {"years": 3.0}, {"years": 0}, {"town": "south"}, {"code": "AB"}, {"married": False},
    {"note": "x" * 10_000}, {"free": -1e38}, {"note": ""}])
def test_the_limits_themselves_are_allowed(inputs: dict[str, Any]) -> None:
    checked = CHECK(good(**inputs)).inputs
    assert {name: checked[name] for name in inputs} == inputs


@pytest.mark.parametrize(("body", "field", "hint"), [
    (good(incme=1), "inputs.incme", "income"), (good(town="Nort"), "inputs.town", "north"),
    ({**good(), "subjekt": 1}, "subjekt", "subject"), ({**good(), "protected": {"gruop": "u"}}, "protected.gruop", "group")])
def test_the_nearest_name_is_named(body: dict[str, Any], field: str, hint: str) -> None:
    error = refused(body)
    assert (error.field, error.hint) == (field, f"Did you mean {hint}?")
    assert error.allowed


def test_a_name_near_to_none_gets_no_hint() -> None:
    assert refused(good(zzz=1)).hint is None


@pytest.mark.parametrize(("inputs", "marks"), [
    ({"income": 9}, [("income", "outside_training_range", 9)]),
    ({"income": 5001}, [("income", "outside_training_range", 5001)]), ({"income": 10}, []), ({"income": 5000}, []),
    ({"town": "south", "note": "b"}, [("town", "not_in_training_data", "south"),
                                      ("note", "not_in_training_data", "b")]),
    ({"town": "north", "note": "a"}, []), ({"free": -1}, [("free", "outside_training_range", -1)])])
def test_what_training_never_saw_is_marked_not_refused(inputs: dict[str, Any], marks: list[Any]) -> None:
    found = CHECK(good(**inputs)).marks
    assert [(mark["field"], mark["mark"], mark["value"]) for mark in found] == marks


@pytest.mark.parametrize("subject", [None, "", "x" * 501, 1.5, True, [], {}, "a\nb", "\ud800", 10**600,
                                     "a\u202eb", "\x7f", "\u200b"])
def test_a_subject_must_be_usable(subject: Any) -> None:
    assert refused({**good(), "subject": subject}).field == "subject"


def test_a_whole_number_names_a_subject_as_its_text_does() -> None:
    assert CHECK({**good(), "subject": 17}).subject == CHECK({**good(), "subject": "17"}).subject == "17"


@pytest.mark.parametrize("key", ["", "x" * 201, 5, [], "a\nb"])
def test_a_key_must_be_usable(key: Any) -> None:
    assert refused({**good(), "idempotency_key": key}).field == "idempotency_key"
    assert CHECK({**good(), "idempotency_key": "ä b" * 60}).idempotency_key == "ä b" * 60
    assert CHECK({**good(), "idempotency_key": None}).idempotency_key is None


def test_a_text_that_may_hold_nothing_holds_nothing() -> None:
    empty = RequestCheck([Field(name="a", type="string", max_length=0)], [], None)
    assert empty({"inputs": {"a": ""}}).inputs == {"a": ""}
    with pytest.raises(BadInput):
        empty({"inputs": {"a": "x"}})


def test_without_a_subject_in_the_contract_none_is_needed() -> None:
    check = RequestCheck(INPUTS, [], None)
    assert check({"inputs": {"income": 1}}).subject is None
    assert check({"inputs": {"income": 1}, "subject": "p"}).subject == "p"


def test_protected_values_are_checked_apart_and_never_marked() -> None:
    assert CHECK({**good(), "protected": {"group": "u"}}).protected == {"group": "u"}
    assert CHECK({**good(), "protected": {"group": None}}).protected == {"group": None}
    assert CHECK({**good(), "protected": {}}).protected is None
    assert refused({**good(), "protected": {"group": "w"}}).field == "protected.group"
    assert refused({**good(), "protected": []}).field == "protected"
    assert refused(good(group="u")).field == "inputs.group"
    seen = RequestCheck(INPUTS, [Field(name="group", type="string", seen_categories=["u"])], None)
    assert seen({**good(), "protected": {"group": "w"}}).marks == []


def test_inputs_must_be_an_object() -> None:
    for value in (None, [], "x", 1):
        assert refused({"subject": "p", "inputs": value}).field == "inputs"
    assert refused({"subject": "p"}).field == "inputs"


def test_a_pattern_that_is_none_is_refused_when_it_is_compiled() -> None:
    with pytest.raises(ValueError, match="code"):
        RequestCheck([Field(name="code", type="string", pattern="(")], [], None)


def test_errors_repeat_no_more_than_a_piece_of_what_was_sent() -> None:
    for body in (good(town="x" * 100_000), good(**{"y" * 100_000: 1}), {**good(), "z" * 100_000: 1},
                 {**good(), "subject": "s" * 100_000}, {**good(), "subject": 10**4000}, good(note=["x" * 100_000])):
        assert len(json.dumps(refused(body).body())) < 2500


def test_limits_on_values_and_length() -> None:
    grade = Field(name="grade", type="integer", enum=[1, 2, 5], nullable=True)
    share = Field(name="share", type="number", enum=[0.5, 1], nullable=True)
    name = Field(name="name", type="string", min_length=2, max_length=3, nullable=True)
    check = RequestCheck([grade, share, name], [], None)
    for value in ({"grade": 5}, {"grade": 2.0}, {"share": 0.5}, {"share": 1}, {"name": "ab"}, {"name": None}):
        check({"inputs": value})
    for field, value, allowed in (("grade", 3, [1, 2, 5]), ("share", 0.25, [0.5, 1]), ("name", "a", "at least 2 characters")):
        with pytest.raises(BadInput) as caught:
            check({"inputs": {field: value}})
        assert (caught.value.field, caught.value.value, caught.value.allowed) == (f"inputs.{field}", value, allowed)
