"""The search language of MLflow: the text of filters and orders, turned into what they ask.

Pure reading: no database, no input or output. What is not understood raises BadInput, in the words MLflow uses;
no other error leaves these functions, whatever the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stellwerk.protocols.mlflow.search import logged_models
from stellwerk.protocols.mlflow.search.comparison import Comparison, Order
from stellwerk.protocols.mlflow.search.filters import parse_filter
from stellwerk.protocols.mlflow.search.orders import parse_order
from stellwerk.protocols.mlflow.search.surface import EXPERIMENTS, MODEL_VERSIONS, REGISTERED_MODELS, RUNS

__all__ = [
    "Comparison",
    "Order",
    "parse_experiment_filter",
    "parse_experiment_order",
    "parse_logged_model_filter",
    "parse_logged_model_order",
    "parse_model_version_filter",
    "parse_model_version_order",
    "parse_registered_model_filter",
    "parse_registered_model_order",
    "parse_run_filter",
    "parse_run_order",
]


def parse_run_filter(text: str | None) -> tuple[Comparison, ...]:
    """Return what a filter of runs asks: attributes, metrics, params, tags and data sets.

    Raises BadInput with field "filter" for unknown names, unfit operators and values, and texts too long.
    """
    return parse_filter(text, RUNS)


def parse_run_order(entries: Sequence[str]) -> tuple[Order, ...]:
    """Return the keys that order runs: attributes, metrics, params and tags.

    Raises BadInput with field "order_by" for unknown, ill-formed, duplicate and too many keys.
    """
    return parse_order(entries, RUNS)


def parse_experiment_filter(text: str | None) -> tuple[Comparison, ...]:
    """Return what a filter of experiments asks: attributes and tags. Raises BadInput with field "filter"."""
    return parse_filter(text, EXPERIMENTS)


def parse_experiment_order(entries: Sequence[str]) -> tuple[Order, ...]:
    """Return the attributes that order experiments, later duplicates left out. Raises BadInput, field "order_by"."""
    return parse_order(entries, EXPERIMENTS)


def parse_registered_model_filter(text: str | None) -> tuple[Comparison, ...]:
    """Return what a filter of registered models asks: the name and tags. Raises BadInput with field "filter"."""
    return parse_filter(text, REGISTERED_MODELS)


def parse_registered_model_order(entries: Sequence[str]) -> tuple[Order, ...]:
    """Return what orders registered models: name or last_updated_timestamp (written timestamp as well).

    Raises BadInput with field "order_by" for unknown, ill-formed, duplicate and too many keys.
    """
    return parse_order(entries, REGISTERED_MODELS)


def parse_model_version_filter(text: str | None) -> tuple[Comparison, ...]:
    """Return what a filter of model versions asks: attributes and tags. Raises BadInput with field "filter"."""
    return parse_filter(text, MODEL_VERSIONS)


def parse_model_version_order(entries: Sequence[str]) -> tuple[Order, ...]:
    """Return the attributes that order model versions. Raises BadInput with field "order_by"."""
    return parse_order(entries, MODEL_VERSIONS)


def parse_logged_model_filter(text: str | None) -> tuple[Comparison, ...]:
    """Return what a filter of logged models asks: attributes, metrics, params and tags.

    Entities are in the plural and string values may lack their quotes. Raises BadInput with field "filter".
    """
    return logged_models.parse_filter(text)


def parse_logged_model_order(entries: Sequence[Mapping[str, Any]]) -> tuple[Order, ...]:
    """Return the keys that order logged models, each entry an object with field_name and, if need be, more.

    That is ascending (true where left out), dataset_name and dataset_digest, which narrow a metric.
    Raises BadInput with field "order_by".
    """
    return logged_models.parse_order(entries)
