"""What a table looks like, column by column: for people who read it and for marking unseen values later."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

_CATEGORIES = 50
_FEWEST = 5
_LONGEST = 200
_QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
_BINS = 20


def profile(frame: pl.DataFrame) -> dict[str, Any]:
    """Return rows and, per column, type, missing, distinct, and range with quantiles or the most frequent values."""
    return {"rows": frame.height, "columns": {column.name: _column(column) for column in frame.iter_columns()}}


def _column(column: pl.Series) -> dict[str, Any]:
    known = column.drop_nulls()
    facts: dict[str, Any] = {"type": str(column.dtype), "missing": column.null_count(), "distinct": known.n_unique()}
    if known.is_empty():
        return facts
    if column.dtype.is_numeric():
        return facts | _figures(known.cast(pl.Float64))
    if column.dtype.is_temporal():
        facts["min"], facts["max"] = str(known.min()), str(known.max())
        return facts
    facts["top"] = _top(known.cast(pl.String), facts["distinct"])
    return facts


def _figures(known: pl.Series) -> dict[str, Any]:
    # Halves of halves, so that sums and differences of the largest floats stay floats.
    small = known * 0.25 if math.isinf(4 * float(known.abs().max())) else known  # type: ignore[arg-type]
    back = 4.0 if small is not known else 1.0
    quantiles = [float(small.quantile(share, "linear") or 0.0) * back for share in _QUANTILES]
    quantiles[0], quantiles[-1] = float(known.min()), float(known.max())  # type: ignore[arg-type]
    mean = float(small.mean())  # type: ignore[arg-type]
    if math.isinf(mean):
        mean = float((small / len(small)).sum())
    return {"quantiles": quantiles, "min": quantiles[0], "max": quantiles[-1], "mean": mean * back,
            "histogram": small.hist(bin_count=_BINS)["count"].to_list()}


def _top(known: pl.Series, distinct: int) -> list[list[Any]]:
    """Return the most frequent values with their counts, of many values only those that tell of no single person."""
    fewest = _FEWEST if distinct > _CATEGORIES else 1
    counts = known.value_counts(sort=True).head(_CATEGORIES).iter_rows()
    return [[value, count] for value, count in counts if count >= fewest and len(value) <= _LONGEST]
