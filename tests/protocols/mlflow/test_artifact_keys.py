"""Names of artifacts: what is parsed is safe everywhere, what is hostile is refused."""

from __future__ import annotations

import posixpath
import unicodedata
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey, file_name, parse_place

RUN = "0123456789abcdef0123456789abcdef"
HOSTILE = ["", ".", "..", "/", "//", "a//b", "/a", "a/", "./a", "a/./b", "../a", "a/../b", "a/..", "..\\a", "a\\b", "a\x00b",
           "a\nb", "a\x7fb", "a\x9fb", "a\u202eb", "a\u2066b", "a\u200fb", "a\u2028b", "a\ud800", "%2e%2e/a", "%2e", "a/%2E%2e",
           "%252e%252e", "%25252e.", "a%2fb", "a%252Fb", "a%5cb", "a%00b", "a%0ab", "..%2f..", "a#b", "a%23b", "C:/a", "c:", "file:/a",
           "é" * 126, "a" * 251, "a/" * 500 + "b", "a" * 250 + "/" + "b" * 250 + "/" + "c" * 250 + "/" + "d" * 250]
ORDINARY = ["a", "a/b", "MLmodel", "model/data/model.skops", "50%", "100%.txt", "a%zz", "a b", "Grüße/Straße.txt", "日本語.csv",
            "a..b", "...", "..a", "a.", "-", "~", "a:b", "a?b=c&d", "x+y", "'; DROP TABLE artifact; --", "<script>", "👩‍👩‍👧",
            "a" * 250, "/".join(["a" * 249] * 4)]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="Invalid path"):
        ArtifactKey.parse(text)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_names_stay_as_they_are(text: str) -> None:
    assert ArtifactKey.parse(text).text == text


def test_the_two_spellings_of_one_name_are_one_key() -> None:
    assert ArtifactKey.parse("e\u0301.txt") == ArtifactKey.parse("\u00e9.txt")


_PIECES = st.sampled_from(["..", ".", "/", "\\", "%2e", "%252e", "%2f", "%", "25", "a", "é", "e\u0301", "\u202e", "\x00", "C:", "#", " "])


@given(st.one_of(st.text(max_size=300), st.lists(_PIECES, max_size=12).map("".join)))
@example("%25" * 80 + "2e")
def test_whatever_is_parsed_is_safe(text: str) -> None:
    try:
        key = ArtifactKey.parse(text).text
    except BadInput:
        return
    assert ArtifactKey.parse(key).text == key == unicodedata.normalize("NFC", key)
    assert len(key.encode("utf-8")) <= 1000
    seen = key
    for _ in range(400):  # safe also for whoever decodes it again and again
        segments = seen.split("/")
        assert not {"", ".", ".."} & set(segments)
        assert "\\" not in seen
        assert "\x00" not in seen
        assert seen.count("/") == key.count("/")
        assert posixpath.normpath(seen) == seen
        assert not posixpath.isabs(seen)
        if unquote(seen) == seen:
            break
        seen = unquote(seen)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in key)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser_of_places(text: str) -> None:
    for path in (text, f"1/{RUN}/artifacts/{text}", f"1/models/m-{RUN}/artifacts/{text}", f"1/{text}/artifacts/a"):
        try:
            place = parse_place(path)
        except BadInput:
            continue
        assert place.key is None or ArtifactKey.parse(place.key.text) == place.key


def test_a_place_names_run_or_model() -> None:
    of_run = parse_place(f"12/{RUN}/artifacts/model/MLmodel")
    assert (of_run.experiment_id, of_run.owner_id, of_run.is_model, of_run.file.text) == (12, RUN, False, "model/MLmodel")
    of_model = parse_place(f"12/models/m-{RUN}/artifacts/a/b/c")
    assert (of_model.owner_id, of_model.is_model, of_model.file.text) == (f"m-{RUN}", True, "a/b/c")
    for root in (f"12/{RUN}/artifacts", f"12/{RUN}/artifacts/", f"12/models/m-{RUN}/artifacts"):
        assert parse_place(root).key is None
        with pytest.raises(BadInput, match="root"):
            _ = parse_place(root).file


@pytest.mark.parametrize("path", [
    "", "a", "..", "12", f"12/{RUN}", f"12/{RUN}/artifact/a", f"x/{RUN}/artifacts/a", f"-1/{RUN}/artifacts/a", f"١/{RUN}/artifacts/a",
    f"12/{RUN}/artifacts//a", f"12/{RUN}/artifacts/a//b", "12/../artifacts/a", "12/models/artifacts/a", f"/12/{RUN}/artifacts/a",
    f"12/{RUN}/artifacts/../../x", f"{'1' * 19}/{RUN}/artifacts/a", f"12/traces/tr-{RUN}/artifacts/a", f"12/{'a' * 35}/artifacts/a"])
def test_other_places_are_refused(path: str) -> None:
    with pytest.raises(BadInput, match="Invalid path"):
        parse_place(path)


def test_parents_and_names() -> None:
    assert ArtifactKey.parse("a/b/c").parents() == ["a", "a/b"]
    assert ArtifactKey.parse("a").parents() == []
    assert ArtifactKey.parse("a/b/c").name == "c"
    assert ArtifactKey.folder("a/b/") == ArtifactKey.parse("a/b")
    assert ArtifactKey.folder("") is ArtifactKey.folder(None) is ArtifactKey.folder("/") is None


@pytest.mark.parametrize("path", ["/tmp/x/model.bin", "C:\\Users\\x\\model.bin", "model.bin", quote("/tmp/") + "/model.bin"])
def test_the_name_of_a_clients_file(path: str) -> None:
    assert file_name(path) == "model.bin"
