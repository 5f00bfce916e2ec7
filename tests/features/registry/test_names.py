"""Names of models and aliases, numbers, stages and tags: what may be and what is refused."""

from __future__ import annotations

import pytest

from stellwerk.features.registry import names
from stellwerk.kernel.errors import BadInput, NotOffered


@pytest.mark.parametrize("name", ["churn", "a b", "Größe", "50%", "m@x", "x.y", "模型", "a" * 250, ".hidden", "a'\"b"])
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert names.check_name(name) == name


@pytest.mark.parametrize(("name", "message"), [
    (None, "Missing value for required parameter 'name'"), ("", "Missing value"), ("  \t", "Missing value"),
    ("a/b", "Names cannot contain '/' or ':'"), ("a:b", "Names cannot contain '/' or ':'"),
    (".", "must not resolve to other names"), ("..", "must not resolve"), ("..x", "must not resolve"),
    ("a" * 251, "250 bytes"), ("ü" * 126, "250 bytes"), ("a\x00b", "U+0000"), ("a\nb", "U+000A"), ("a\\b", "U+005C"),
    ("a\u202eb", "U+202E"), ("a\u2028b", "U+2028"), ("a\ud800b", "U+D800"), ("e\u0301", "composed form"),
])
def test_any_other_name_is_refused_with_the_reason(name: str | None, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        names.check_name(name)

    assert message in caught.value.message
    assert caught.value.field == "name"


def test_a_new_name_is_named_by_its_own_parameter() -> None:
    with pytest.raises(BadInput, match="Missing value for required parameter 'new_name'"):
        names.check_name(" ", "new_name")


@pytest.mark.parametrize("alias", ["champion", "a_b-c", "1", "x" * 255, "vv1", "v", "latest2", "größe"])
def test_an_alias_of_letters_digits_underscores_and_dashes_may_be_set(alias: str) -> None:
    assert names.check_new_alias(alias) == alias


@pytest.mark.parametrize(("alias", "message"), [
    ("", "cannot be empty"), (None, "cannot be empty"), ("a b", "may only contain"), ("a/b", "may only contain"),
    ("a\n", "may only contain"), ("x" * 256, "length limit of 255"), ("latest", "reserved"), ("LATEST", "reserved"),
    ("v1", "reserved"), ("V20", "reserved"),
])
def test_another_alias_may_not(alias: str | None, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        names.check_new_alias(alias)


def test_reserved_aliases_may_be_asked_for() -> None:
    assert names.check_alias("latest") == "latest"


@pytest.mark.parametrize(("text", "number"), [("1", 1), (" 12 ", 12), ("+3", 3), ("-1", -1), ("9" * 30, int("9" * 30))])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert names.version_number(text) == number


@pytest.mark.parametrize("text", ["x", "", None, "1.5", "1_0", "٣", "0x1", "9" * 41, "1\n2"])
def test_anything_else_is_no_version(text: str | None) -> None:
    with pytest.raises(BadInput, match="Parameter 'version' must be an integer"):
        names.version_number(text)


def test_a_stage_is_read_in_any_case() -> None:
    assert [names.stage_name(word) for word in ("PRODUCTION", "staging", "none", "Archived")] == [
        "Production", "Staging", "None", "Archived"]


@pytest.mark.parametrize("stage", ["prod", "", None, "Deleted_Internal", "Production "])
def test_another_stage_is_refused_with_those_there_are(stage: str | None) -> None:
    with pytest.raises(BadInput, match="Value must be one of None, Staging, Production, Archived"):
        names.stage_name(stage)


def test_the_last_of_tags_with_one_key_counts() -> None:
    assert names.check_tags([("a", "1"), ("b", ""), ("a", "2")]) == {"a": "2", "b": ""}


@pytest.mark.parametrize("tag", [("", "x"), ("a\\b", "x"), ("../a", "x"), ("a" * 251, "x"), ("a", "x" * 100_001),
                                 ("a", "x\x00")])
def test_tags_beyond_the_limits_are_refused(tag: tuple[str, str]) -> None:
    with pytest.raises(BadInput):
        names.check_tags([tag])


def test_what_would_vanish_from_every_search_is_not_offered() -> None:
    with pytest.raises(NotOffered, match="prompts"):
        names.check_tags([(names.PROMPT_TAG, "True")])
    assert names.check_tags([(names.PROMPT_TAG, "false")]) == {names.PROMPT_TAG: "false"}


@pytest.mark.parametrize("link", ["x" * 2001, "a\x07b"])
def test_a_link_is_short_and_plain(link: str) -> None:
    with pytest.raises(BadInput) as caught:
        names.check_link(link)

    assert caught.value.field == "run_link"


def test_a_description_has_a_limit() -> None:
    with pytest.raises(BadInput, match="'description' exceeds"):
        names.check_description("x" * 100_001)
    assert names.check_description(None) is None
