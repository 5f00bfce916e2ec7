"""The content hash of a table: stable over machines and over versions of the libraries that hold it."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from stellwerk.kernel import canonical_json

# Names of our own, as the library's names for its types may change.
_NAMES = {pl.String: "text", pl.Int64: "integer", pl.Float64: "number", pl.Boolean: "boolean", pl.Date: "date",
          pl.Datetime: "timestamp"}
_NUMERIC = {pl.Int64: "<i8", pl.Float64: "<f8", pl.Boolean: "u1"}


def content_hash(frame: pl.DataFrame) -> str:
    """Return the SHA-256 over names, types and values in row order, 64 hexadecimal digits.

    Numbers as little-endian bytes, dates as days and times as microseconds since 1970, text as UTF-8 behind its
    lengths (unsigned 32 bit), missing values as packed bits. Raises ValueError for a column of another type.
    """
    hasher = hashlib.sha256()
    schema = [[name, _name(name, kind)] for name, kind in frame.schema.items()]
    hasher.update(canonical_json.dumps({"rows": frame.height, "columns": schema}))
    for column in frame.iter_columns():
        missing = column.is_null().to_numpy()
        hasher.update(np.packbits(missing).tobytes())
        hasher.update(_values(column))
    return hasher.hexdigest()


def _name(column: str, kind: pl.DataType) -> str:
    for known, name in _NAMES.items():
        if kind == known:
            return name
    raise ValueError(f"the column {column} has the type {kind}, which no contract can name")


def _values(column: pl.Series) -> bytes:
    kind = column.dtype
    if kind == pl.String:
        filled = column.fill_null("")
        lengths = filled.str.len_bytes().to_numpy().astype("<u4").tobytes()
        return lengths + "".join(filled.to_list()).encode("utf-8")
    if kind == pl.Date:
        column, kind = column.cast(pl.Int32).cast(pl.Int64), pl.Int64()
    if kind == pl.Datetime:
        column, kind = column.cast(pl.Datetime("us")).cast(pl.Int64), pl.Int64()
    form = next(form for known, form in _NUMERIC.items() if kind == known)
    return column.fill_null(False if kind == pl.Boolean else 0).to_numpy().astype(form).tobytes()
