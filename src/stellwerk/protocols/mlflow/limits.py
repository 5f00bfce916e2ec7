"""What names and values may be, checked at the edge; the limits are those that clients know."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.mlflow.decoding import invalid

KEY_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
EXPERIMENT_NAME_LENGTH = 500
EXPERIMENT_TAG_LENGTH = 20_000
BATCH = {"metrics": 1000, "params": 100, "tags": 100}
BATCH_TOTAL = 1000
INT64 = 2**63
LARGEST = 1.7976931348623157e308

_KEY = re.compile(r"[/\w.\- :]*\Z")
_RUN_ID = re.compile(r"[a-zA-Z0-9][\w\-]{0,255}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def check_key(key: str, path: str) -> None:
    """Raise BadInput for a key of a metric, param or tag that is empty, too long or not a plain relative name."""
    if not _KEY.match(key):
        raise invalid(path, key, "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), "
                                 "spaces( ), colon(:) and slashes (/).")
    # Some clients make files of keys.
    plain = posixpath.normpath(key)
    if plain != key or key == "." or key.startswith(("..", "/")):
        raise invalid(path, key, "Names may be treated as files in certain cases, and must not resolve to other names "
                                 f"when treated as such. This name would resolve to {plain!r}")
    if len(key) > KEY_LENGTH:
        raise BadInput(f"'{path}' exceeds the maximum length of {KEY_LENGTH} characters", field=path)


def check_text(value: str, path: str) -> str:
    """Return a value; raises BadInput for a NUL, which not every database can keep."""
    if "\x00" in value:
        raise invalid(path, value, "it holds a NUL character.")
    return value


def check_plain(value: str, path: str) -> None:
    """Raise BadInput for a name with control characters."""
    if _CONTROL.search(value):
        raise invalid(path, value, "it holds control characters.")


def check_run_id(run_id: str) -> None:
    """Raise BadInput for a text that cannot be the id of a run."""
    if not run_id:
        raise BadInput("Missing value for required parameter 'run_id'. See the API docs for more information about "
                       "request parameters.", field="run_id")
    if not _RUN_ID.match(run_id):
        raise invalid("run_id", run_id)


def check_int64(value: int, path: str) -> int:
    """Return a whole number; raises BadInput where 64 bits cannot hold it."""
    if not -INT64 <= value < INT64:
        raise invalid(path, value, "it does not fit into 64 bits.")
    return value


def metric_value(value: float | str | None, path: str) -> tuple[float, int]:
    """Return (value, is NaN) of a metric as it is kept: infinity as the largest double, NaN as 0 with a mark."""
    if isinstance(value, str):
        named = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}.get(value, value)
        try:
            value = float(named)
        except ValueError:
            raise invalid(path, value, "Hint: Value was of type 'str', not a number.") from None
    if value is None or isinstance(value, bool):
        raise invalid(path, value, "it is not a number.")
    if value != value:  # NaN
        return 0.0, 1
    return min(max(float(value), -LARGEST), LARGEST), 0


def check_batch(counts: dict[str, int]) -> None:
    """Raise BadInput for a batch of more entities than are allowed, by kind and together."""
    named = {kind: (count, BATCH[kind]) for kind, count in counts.items()}
    together = "metrics, params, and tags"
    for kind, (count, most) in {**named, together: (sum(counts.values()), BATCH_TOTAL)}.items():
        if count > most:
            raise BadInput(f"A batch logging request can contain at most {most} {kind}. Got {count} {kind}. "
                           f"Please split up {kind} across multiple requests and try again.", field=kind)


def check_unique(keys: Sequence[str]) -> None:
    """Raise BadInput where a batch names a parameter twice."""
    if len(set(keys)) == len(keys):
        return
    seen: set[str] = set()
    twice = sorted({key for key in keys if key in seen or seen.add(key)})  # type: ignore[func-returns-value]
    raise BadInput(f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only "
                   "one param value per param key.", field="params")


def view_stages(view: str | int | None) -> tuple[str, ...]:
    """Return the lifecycle stages that a view shows: active ones unless said otherwise."""
    stages = {None: ("active",), "": ("active",), "ACTIVE_ONLY": ("active",), 1: ("active",), "1": ("active",),
              "DELETED_ONLY": ("deleted",), 2: ("deleted",), "2": ("deleted",),
              "ALL": ("active", "deleted"), 3: ("active", "deleted"), "3": ("active", "deleted")}
    if view not in stages:
        raise invalid("view_type", view, "it is ACTIVE_ONLY, DELETED_ONLY or ALL.")
    return stages[view]
