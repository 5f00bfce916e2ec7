"""What a search asks, once its text is understood: comparisons to be met together, and an order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition of a filter; all conditions of a filter must hold.

    ``kind`` is attribute, metric, param, tag or dataset. ``key`` is the attribute's canonical name or the key of
    the metric, param or tag. ``op`` is one of ``= != < <= > >= LIKE ILIKE IN``, ``NOT IN``, ``IS NULL`` and
    ``IS NOT NULL``. ``value`` is a float for metrics, an int or float for numeric attributes, a tuple for lists,
    None for the two null tests and a string for all else.
    """

    kind: str
    key: str
    op: str
    value: str | float | int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order; the data set narrows a metric and is used by logged models only."""

    kind: str
    key: str
    descending: bool
    dataset_name: str | None = None
    dataset_digest: str | None = None
