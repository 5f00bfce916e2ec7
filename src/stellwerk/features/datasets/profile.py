"""What a table looks like, column by column: for people who read it and for marking unseen values later."""

from __future__ import annotations

from typing import Any

import polars as pl

_CATEGORIES = 50
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
        facts["quantiles"] = [float(known.quantile(share, "linear") or 0.0) for share in _QUANTILES]
        facts["min"], facts["max"] = facts["quantiles"][0], facts["quantiles"][-1]
        facts["mean"] = float(known.cast(pl.Float64).mean())  # type: ignore[arg-type]
        facts["histogram"] = known.cast(pl.Float64).hist(bin_count=_BINS)["count"].to_list()
        return facts
    if column.dtype.is_temporal():
        facts["min"], facts["max"] = str(known.min()), str(known.max())
        return facts
    counts = known.cast(pl.String).value_counts(sort=True)
    facts["top"] = [[value, count] for value, count in counts.head(_CATEGORIES).iter_rows()]
    return facts
