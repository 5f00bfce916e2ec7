"""Bringing columns to the types that the contract states, counting what does not fit."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from stellwerk.protocols.odcs import Contract, Property

KINDS: dict[str, pl.DataType] = {
    "string": pl.String(), "integer": pl.Int64(), "number": pl.Float64(), "boolean": pl.Boolean(), "date": pl.Date(),
    "timestamp": pl.Datetime("us"),
}
_YES = ("true", "yes", "y", "1", "t", "ja", "j", "wahr")
_NO = ("false", "no", "n", "0", "f", "nein", "falsch")
# Only forms that cannot be read in two ways.
_DATES = ("%Y-%m-%d", "%d.%m.%Y")
_TIMES = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f",
          "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%d %H:%M")
_MISSING = ("", "na", "n/a", "nan", "null", "none", "-")
_DECIMAL_COMMA = r"^-?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+$"
_TWO_WAYS = r"^-?[1-9]\d{0,2},\d{3}$"
_GROUPED = r"^-?\d{1,3}(?:\.\d{3})+(?:,\d+)?$"
_SHOWN = 200
UNTYPED = "__as_found_"


@dataclass(frozen=True)
class Typed:
    """A table in the contract's columns and types, and beside it what could not be brought to its type.

    ``frame`` has, for each column with misfits, a second column (prefix ``UNTYPED``) with the text as found.
    """

    frame: pl.DataFrame
    missing_columns: tuple[str, ...]
    extra_columns: tuple[str, ...]
    misfits: tuple[str, ...]


def bring_to_types(frame: pl.DataFrame, contract: Contract) -> Typed:
    """Select the contract's columns in its order and types."""
    columns: list[pl.Series] = []
    misfits: list[str] = []
    for entry in contract.properties:
        if entry.name not in frame.columns:
            continue
        found = frame[entry.name]
        if isinstance(found.dtype, (pl.Categorical, pl.Enum)):
            found = found.cast(pl.String)
        made = _convert(found, entry.type)
        columns.append(made)
        lost = made.is_null() & ~_is_missing(found, entry)
        if lost.any():
            misfits.append(entry.name)
            columns.append(_as_found(found, lost).alias(UNTYPED + entry.name))
    known = set(contract.columns)
    return Typed(frame=pl.DataFrame(columns) if columns else pl.DataFrame(),
                 missing_columns=tuple(name for name in contract.columns if name not in frame.columns),
                 extra_columns=tuple(name for name in frame.columns if name not in known), misfits=tuple(misfits))


def _is_missing(found: pl.Series, entry: Property) -> pl.Series:
    if found.dtype == pl.String and entry.type != "string":
        return found.is_null() | found.str.strip_chars().str.to_lowercase().is_in(_MISSING)
    if found.dtype.is_float():
        return found.is_null() | found.is_nan()
    return found.is_null()


def _as_found(found: pl.Series, lost: pl.Series) -> pl.Series:
    """Return as text what did not fit, and nothing elsewhere."""
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, found.len())
    if found.dtype == pl.String:
        return found.zip_with(lost, nothing)
    return nothing.scatter(lost.arg_true(), [str(value)[:_SHOWN] for value in found.filter(lost).to_list()])


def _convert(found: pl.Series, kind: str) -> pl.Series:
    """Return a column in its type, with nothing where a value would have to be changed to fit."""
    target, source = KINDS[kind], found.dtype
    if source == pl.String:
        return _from_text(found, kind, target).alias(found.name)
    numeric = source.is_numeric() or source == pl.Boolean
    if kind == "string" and (numeric or source.is_temporal()) and source != pl.Duration:
        return (found.fill_nan(None) if source.is_float() else found).cast(pl.String)
    if kind in ("integer", "number", "boolean") and numeric:
        return _from_number(found, kind, target)
    if kind == "timestamp" and isinstance(source, pl.Datetime):
        utc = found.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if source.time_zone else found
        return utc.cast(target)
    if kind == "date" and source == pl.Datetime:
        local = found.dt.replace_time_zone(None)
        return local.set(local != local.dt.truncate("1d"), None).cast(target)
    if source == target or (kind == "timestamp" and source == pl.Date):
        return found.cast(target)
    return pl.Series(found.name, [None], dtype=target).new_from_index(0, found.len())


def _from_number(found: pl.Series, kind: str, target: pl.DataType) -> pl.Series:
    if not found.dtype.is_integer() and found.dtype != pl.Boolean:
        found = found.cast(pl.Float64)
        found = found.set(~found.is_finite(), None)
        if kind == "integer":
            found = found.set(found != found.round(), None)
    if kind == "boolean" and found.dtype != pl.Boolean:
        found = found.set((found != 0) & (found != 1), None)
    return found.cast(target, strict=False)


def _from_text(found: pl.Series, kind: str, target: pl.DataType) -> pl.Series:
    if kind == "string":
        return found
    text = found.str.strip_chars()
    if kind == "boolean":
        low = text.str.to_lowercase()
        yes, no = low.is_in(_YES), low.is_in(_NO)
        return pl.select(pl.when(yes).then(True).when(no).then(False).otherwise(None)).to_series()
    if kind in ("number", "integer"):
        value = _with_points(text).cast(pl.Float64, strict=False).fill_nan(None)
        value = value.set(value.is_infinite(), None)
        if kind == "number":
            return value
        # Beyond 2 to the power of 53 a float is not exact.
        exact = text.cast(pl.Int64, strict=False)
        whole = value.set(value != value.round(), None).cast(pl.Int64, strict=False)
        return exact.zip_with(exact.is_not_null(), whole)
    return _first_fit(text, pl.Date(), _DATES) if kind == "date" else _first_fit(text, pl.Datetime("us"), _TIMES)


def _with_points(text: pl.Series) -> pl.Series:
    """Return numbers as text with decimal points; what may be read in two ways stays with its comma, so fits none.

    1,234 may be a thousand or a little more than one. So commas are decimal only where another value of the column
    shows it, such as 1,5 or 0,125; then points group thousands.
    """
    if not (text.str.contains(_DECIMAL_COMMA) & ~text.str.contains(_TWO_WAYS)).any():
        return text
    plain = text.str.replace_all(".", "", literal=True).zip_with(text.str.contains(_GROUPED), text)
    # A point that groups nothing contradicts the commas.
    return plain.str.replace(r"^(-?\d+)\.(\d+)$", "$1 $2").str.replace(r"^(-?\d+),(\d+)$", "$1.$2")


def _first_fit(text: pl.Series, target: pl.Date | pl.Datetime, formats: tuple[str, ...]) -> pl.Series:
    made = text.str.strptime(target, formats[0], strict=False)
    for form in formats[1:]:
        if made.null_count() > text.null_count():
            made = made.zip_with(made.is_not_null(), text.str.strptime(target, form, strict=False))
    return made
