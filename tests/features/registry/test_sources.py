"""Sources of versions: the forms that are read, and everything else refused."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as some

from stellwerk.features.registry.sources import (
    FORMS,
    LoggedFolder,
    RunFolder,
    Source,
    VersionNamed,
    parse_model_uri,
    parse_source,
)
from stellwerk.kernel.errors import BadInput

RUN = "0123456789abcdef0123456789abcdef"
MODEL = f"m-{RUN}"


@pytest.mark.parametrize(("text", "found"), [
    (f"runs:/{RUN}/model", RunFolder(RUN, "model")),
    (f"runs:/{RUN}/a/b c", RunFolder(RUN, "a/b c")),
    (f"runs:/{RUN}", RunFolder(RUN, "")),
    (f"runs:/{RUN}/a//b/", RunFolder(RUN, "a/b")),
    (f"runs:/{RUN}/50%25", RunFolder(RUN, "50%25")),
    (f"mlflow-artifacts:/7/{RUN}/artifacts/a/b", RunFolder(RUN, "a/b", 7)),
    (f"mlflow-artifacts:/7/{RUN}/artifacts", RunFolder(RUN, "", 7)),
    (f"mlflow-artifacts:/7/{RUN}/artifacts/a///", RunFolder(RUN, "a", 7)),
    (f"mlflow-artifacts:/7/models/{MODEL}/artifacts", LoggedFolder(MODEL, "", 7)),
    (f"mlflow-artifacts:/7/models/{MODEL}/artifacts/sub", LoggedFolder(MODEL, "sub", 7)),
    (f"models:/{MODEL}", LoggedFolder(MODEL, "")),
    ("models:/churn/3", VersionNamed("churn", "version", "3")),
    ("models:/churn@champion", VersionNamed("churn", "alias", "champion")),
    ("models:/a@b@c", VersionNamed("a@b", "alias", "c")),
    ("models:/a@b/3", VersionNamed("a@b", "version", "3")),
    ("models:/churn/Latest", VersionNamed("churn", "latest")),
    ("models:/churn/Production", VersionNamed("churn", "stage", "Production")),
])
def test_each_allowed_form_is_read(text: str, found: Source) -> None:
    assert parse_source(text) == found


@pytest.mark.parametrize("text", [
    "", " ", "model", "./model", "../model", "/etc/passwd", "C:\\model", "c:/model", "file:///etc/passwd",
    "file:/etc/passwd", "FILE:///x", "http://host/x", "https://host/x", "s3://bucket/x", "dbfs:/x", "ftp://h/x",
    f"http://host/api/2.0/mlflow-artifacts/artifacts/7/{RUN}/artifacts/m", "prompts:/p/1",
    "runs:", "runs:/", "runs://", f"runs:{RUN}/m", f"runs://{RUN}/m", f"runs://host/{RUN}/m", f" runs:/{RUN}/m",
    f"runs:/{RUN}/../x", f"runs:/{RUN}/.", f"runs:/{RUN}/./x", f"runs:/{RUN}/a/..", f"runs:/{RUN}/%2e%2e/x",
    f"runs:/{RUN}/%252e%252e/x", f"runs:/{RUN}/..%2fx", f"runs:/{RUN}/a%2fb", f"runs:/{RUN}/a%5cb",
    f"runs:/{RUN}/a\\b", f"runs:/{RUN}/a\x00", f"runs:/{RUN}/a%00", f"runs:/{RUN}/a#b", f"runs:/{RUN}/a%23b",
    f"runs:/{RUN}/a?b", f"runs:/{RUN}/a%3Fb", f"runs:/{RUN}/a;b", f"runs:/{RUN}/a%3bb", f"runs:/{RUN}/a\u202eb",
    f"runs:/{RUN}/a\nb", f"runs:/{RUN}/" + "a" * 251, f"runs:/{RUN}/" + "a/" * 1000,
    "mlflow-artifacts:/", "mlflow-artifacts:/7", f"mlflow-artifacts:/7/{RUN}", f"mlflow-artifacts:/7/{RUN}/other/x",
    f"mlflow-artifacts:/x/{RUN}/artifacts/m", f"mlflow-artifacts://host/7/{RUN}/artifacts/m",
    f"mlflow-artifacts:///7/{RUN}/artifacts/m", f"mlflow-artifacts:/7/{RUN}/artifacts/../../x",
    "mlflow-artifacts:/7/models/artifacts", "mlflow-artifacts:/models",
    "models:/", "models:/a/b/c", "models:/@x", "models:/a@", "models:/a/ ", "models://host/a/1", "models:a/1",
])
def test_everything_else_is_refused_with_the_forms_that_are_allowed(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_source(text)

    error = caught.value
    assert error.field == "source"
    assert error.message.startswith("Invalid model version source: ")
    assert error.hint is not None
    assert all(form in error.hint for form in FORMS)


@pytest.mark.parametrize(("text", "words"), [
    ("/etc/passwd", "To use a local path as a model version source"),
    ("http://h/x", "'source' cannot use the 'http' scheme"),
    (f"mlflow-artifacts:/7/{RUN}/artifacts/../x", "without relative path references"),
])
def test_the_message_says_which_rule_it_breaks(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_source(text)

    assert words in caught.value.message


def test_a_message_repeats_only_the_beginning_and_nothing_that_a_terminal_obeys() -> None:
    with pytest.raises(BadInput) as caught:
        parse_source("runs:/" + "\x1b" * 5000)

    assert "\x1b" not in caught.value.message
    assert len(caught.value.message) < 2000


@given(some.text(alphabet="abm-0/.%25eEfF@:#?;\\ \x00ü", max_size=40),
       some.sampled_from([f"runs:/{RUN}/", f"mlflow-artifacts:/7/{RUN}/artifacts/", "models:/", "runs:/", ""]))
def test_whatever_is_read_holds_only_plain_segments(tail: str, head: str) -> None:
    try:
        found = parse_source(head + tail)
    except BadInput:
        return
    parts = [found.name, found.value] if isinstance(found, VersionNamed) else found.path.split("/")
    for part in parts:
        assert part not in (".", "..")
        assert not set(part) & set("/\\#?;\x00")


@given(some.integers(1, 12), some.sampled_from(["../x", "a#b", "a?b", "a;b", "a\\b", "a/../b", "a\x00"]))
def test_no_depth_of_encoding_hides_it(depth: int, inside: str) -> None:
    for _ in range(depth):
        inside = quote(inside, safe="")
    with pytest.raises(BadInput):
        parse_source(f"runs:/{RUN}/{inside}")


def test_only_addresses_of_models_are_resolved() -> None:
    assert parse_model_uri("models:/a/1") == VersionNamed("a", "version", "1")
    with pytest.raises(BadInput):
        parse_model_uri(f"runs:/{RUN}/m")
