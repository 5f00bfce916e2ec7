"""What each search may name and compare: runs, experiments, registered models, model versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NUMERIC_OPS = ("=", "!=", "<", "<=", ">", ">=")
TEXT_OPS = ("=", "!=", "LIKE", "ILIKE")
LIST_OPS = ("IN", "NOT IN")
NULL_OPS = ("IS NULL", "IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Surface:
    """The vocabulary of one search.

    ``entities`` maps the words before the dot to kinds and ``attributes`` maps spellings to canonical names.
    ``whole`` names the attributes that take no fractions, ``quoted`` those whose number may stand in quotes.
    ``listed`` names the attributes that take lists, ``null`` the kinds that may be tested for null.
    """

    entities: Mapping[str, str]
    known: tuple[str, ...]
    attributes: Mapping[str, str]
    orders: Mapping[str, str]
    order_kinds: frozenset[str]
    numeric: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    quoted: frozenset[str] = frozenset()
    listed: frozenset[str] = frozenset()
    null: frozenset[str] = frozenset()
    backticks: bool = False
    duplicates: bool = False


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


DATASET_KEYS = ("name", "digest", "context")
_RUN_TIMES = {"created": "start_time", "Created": "start_time"}
_RUN_NAMES = {"run name": "run_name", "Run name": "run_name", "Run Name": "run_name"}
_RUN_ATTRIBUTES = _same("artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id")

RUNS = Surface(
    entities={
        **dict.fromkeys(("metric", "metrics"), "metric"),
        **dict.fromkeys(("parameter", "parameters", "param", "params"), "param"),
        **dict.fromkeys(("tag", "tags"), "tag"),
        **dict.fromkeys(("attribute", "attributes", "attr", "run"), "attribute"),
        **dict.fromkeys(("dataset", "datasets"), "dataset"),
    },
    known=("metric", "parameter", "tag", "attribute", "dataset"),
    attributes={**_RUN_ATTRIBUTES, **_RUN_TIMES, **_RUN_NAMES},
    orders={**_RUN_ATTRIBUTES, **_RUN_TIMES},
    order_kinds=frozenset({"attribute", "metric", "param", "tag"}),
    numeric=frozenset({"start_time", "end_time"}),
    listed=frozenset({"run_id"}),
    null=frozenset({"tag", "param"}),
    backticks=True,
)

_FEW = {"attribute": "attribute", "tag": "tag", "tags": "tag"}
_EXPERIMENT_ATTRIBUTES = _same("name", "experiment_id", "creation_time", "last_update_time")

EXPERIMENTS = Surface(
    entities=_FEW,
    known=tuple(_FEW),
    attributes=_EXPERIMENT_ATTRIBUTES,
    orders=_EXPERIMENT_ATTRIBUTES,
    order_kinds=frozenset({"attribute"}),
    numeric=frozenset({"creation_time", "last_update_time"}),
    whole=frozenset({"creation_time", "last_update_time"}),
    listed=frozenset({"experiment_id"}),
    null=frozenset({"tag"}),
    duplicates=True,
)

REGISTERED_MODELS = Surface(
    entities=_FEW,
    known=tuple(_FEW),
    attributes=_same("name"),
    orders={
        "name": "name",
        "timestamp": "last_updated_timestamp",
        "last_updated_timestamp": "last_updated_timestamp",
    },
    order_kinds=frozenset({"attribute"}),
    listed=frozenset({"name"}),
)

MODEL_VERSIONS = Surface(
    entities=_FEW,
    known=tuple(_FEW),
    attributes=_same("name", "version_number", "run_id", "source_path"),
    orders=_same("name", "version_number", "creation_timestamp", "last_updated_timestamp"),
    order_kinds=frozenset({"attribute"}),
    numeric=frozenset({"version_number"}),
    whole=frozenset({"version_number"}),
    quoted=frozenset({"version_number"}),
    listed=frozenset({"name", "run_id"}),
)
