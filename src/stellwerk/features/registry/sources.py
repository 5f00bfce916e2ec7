"""Where a version's bytes come from: a source as clients write it, parsed into a type and never joined to a path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.artifact_keys import ArtifactKey, parse_place

FORMS = ("runs:/RUN/PATH", "mlflow-artifacts:/EXPERIMENT/RUN/artifacts/PATH", "models:/MODEL_ID",
         "mlflow-artifacts:/EXPERIMENT/models/MODEL_ID/artifacts/PATH", "models:/NAME/VERSION", "models:/NAME@ALIAS")
LENGTH = 2000
# What urls take for the end of a path, in any spelling.
_ENDS = frozenset("#?;")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
_OWNED = ("runs", "models", "mlflow-artifacts")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A folder of a run's artifacts; ``experiment_id`` only where the source names it."""

    run_id: str
    path: str
    experiment_id: int | None = None


@dataclass(frozen=True, slots=True)
class LoggedFolder:
    """A folder of a logged model's artifacts; ``experiment_id`` only where the source names it."""

    model_id: str
    path: str
    experiment_id: int | None = None


@dataclass(frozen=True, slots=True)
class VersionNamed:
    """A registered version: by number, by alias, or the latest of a stage or of all."""

    name: str
    by: Literal["version", "alias", "stage", "latest"]
    value: str = ""


Source = RunFolder | LoggedFolder | VersionNamed


def parse_source(text: str) -> Source:
    """Return what a source names; raises BadInput for all but the allowed forms, named in its hint."""
    scheme, rest = _scheme(text)
    _check_plain(text, rest)
    if rest.startswith("//") or not rest.startswith("/"):
        raise refused(text, f"It must have the form {scheme}:/NAME, without a host.")
    if scheme == "mlflow-artifacts":
        return _place(text, rest)
    segments = [segment for segment in rest.split("/") if segment]
    if not segments:
        raise refused(text, "It names nothing.")
    if scheme == "runs":
        return RunFolder(segments[0], _key(text, segments[1:]))
    return parse_model(text, segments)


def parse_model_uri(text: str) -> LoggedFolder | VersionNamed:
    """Return what a ``models:/`` address names; raises BadInput for another form."""
    if not text.lower().startswith("models:"):
        raise refused(text, "It is not a models:/ address.")
    found = parse_source(text)
    assert not isinstance(found, RunFolder)
    return found


def parse_model(text: str, segments: list[str]) -> LoggedFolder | VersionNamed:
    """Return what the segments of a ``models:/`` address name."""
    if len(segments) > 2 or not all(segment.strip() for segment in segments):
        raise refused(text, "A models:/ address has a name and a version, stage or alias, or the id of a logged model.")
    if len(segments) == 2:
        name, suffix = segments
        if suffix.isascii() and suffix.isdigit():
            return VersionNamed(name, "version", suffix)
        if suffix.lower() == "latest":
            return VersionNamed(name, "latest")
        return VersionNamed(name, "stage", suffix)
    name, separator, alias = segments[0].rpartition("@")
    if not separator:
        return LoggedFolder(segments[0], "")
    if not name or not alias.strip():
        raise refused(text, "It lacks the name or the alias.")
    return VersionNamed(name, "alias", alias)


def refused(text: str, why: str) -> BadInput:
    """Return the error for a source that is not allowed."""
    shown = ascii(text[:300])
    return BadInput(f"Invalid model version source: {shown}. {why}", field="source", value=shown, allowed=list(FORMS),
                    hint=f"Allowed are {', '.join(FORMS[:-1])} and {FORMS[-1]}.")


def _scheme(text: str) -> tuple[str, str]:
    if len(text) > LENGTH:
        raise refused(text, f"It is longer than {LENGTH} characters.")
    found = _SCHEME.match(text)
    scheme = found.group()[:-1].lower() if found else ""
    if scheme in _OWNED:
        return scheme, text[len(scheme) + 1:]
    if scheme in ("", "file"):
        raise refused(text, "To use a local path as a model version source, log it to a run first; this installation "
                            "reads no files of its machine.")
    raise refused(text, f"'source' cannot use the '{scheme[:40]}' scheme: this installation keeps all models in its "
                        "own store.")


def _check_plain(text: str, rest: str) -> None:
    """Raise for what could mean another place, at every level of encoding."""
    while True:
        if _ENDS.intersection(rest) or "\\" in rest or not rest.isprintable():
            raise refused(text, "It holds a character that may not stand in a source (#, ?, ;, a backslash or a "
                                "control character), plain or encoded.")
        if {".", ".."}.intersection(rest.split("/")):
            raise refused(text, "If supplying a source as an http, https, file or mlflow-artifacts URI, it must be an "
                                "absolute path without relative path references.")
        decoded = unquote(rest)
        if decoded == rest:
            return
        if decoded.count("/") != rest.count("/"):
            raise refused(text, "It holds an encoded separator.")
        rest = decoded


def _place(text: str, rest: str) -> RunFolder | LoggedFolder:
    try:
        found = parse_place("/".join(segment for segment in rest.split("/") if segment), "source")
    except BadInput as error:
        raise refused(text, error.message) from None
    path = "" if found.key is None else found.key.text
    if found.is_model:
        return LoggedFolder(found.owner_id, path, found.experiment_id)
    return RunFolder(found.owner_id, path, found.experiment_id)


def _key(text: str, segments: list[str]) -> str:
    if not segments:
        return ""
    try:
        return ArtifactKey.parse("/".join(segments), "source").text
    except BadInput as error:
        raise refused(text, error.message) from None
