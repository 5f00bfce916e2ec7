"""What names and values of logged models may be."""

from __future__ import annotations

from collections.abc import Sequence

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow import limits
from stellwerk.protocols.mlflow.decoding import invalid

NAME_LENGTH = 500
RUN_ID_LENGTH = 256
DIGEST_LENGTH = 36
_KEY_LENGTH = 255
_MOST = 1000
# Any of these would break the addresses of a model.
_NOT_IN_NAMES = ("/", ":", ".", "%", '"', "'")


def check_name(name: str) -> None:
    """Raise BadInput for a name that is empty, too long or holds a character that names must not have."""
    if not name or any(sign in name for sign in _NOT_IN_NAMES):
        raise BadInput(f"Invalid model name ({name[:100]!r}) provided. Model name must be a non-empty string and "
                       f"cannot contain the following characters: {_NOT_IN_NAMES}", field="name", value=name[:100])
    check_length(name, "name", NAME_LENGTH)
    limits.check_plain(name, "name")


def check_length(text: str, path: str, most: int) -> None:
    """Raise BadInput for a text that is too long, or that not every database can keep."""
    if len(text) > most:
        raise BadInput(f"'{path}' exceeds the maximum length of {most} characters", field=path)
    limits.check_text(text, path)


def check_params(params: Sequence[tuple[str, str]]) -> None:
    """Raise BadInput for params beyond the limits, or where one is named twice."""
    _check_count(len(params), "params")
    limits.check_unique([key for key, _ in params])
    for key, value in params:
        _check_key(key, "params")
        limits.check_text(value, f"params.{key}")


def check_tags(tags: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return tags by key, the last of each; raises BadInput for one beyond the limits."""
    _check_count(len(tags), "tags")
    for key, value in tags:
        _check_key(key, "tags")
        limits.check_text(value, f"tags.{key}")
    return dict(tags)


def no_id(model_id: str) -> BadInput:
    """Return the error for a text that can be no id of a model."""
    return invalid("model_id", model_id[:100], "it is not the id of a logged model.")


def _check_count(count: int, path: str) -> None:
    if count > _MOST:
        raise BadInput(f"A request can contain at most {_MOST} {path}. Got {count}.", field=path, allowed=_MOST)


def _check_key(key: str, path: str) -> None:
    if not key:
        raise BadInput("A key must not be empty.", field=path)
    check_length(key, path, _KEY_LENGTH)
    limits.check_plain(key, path)
