"""Which type each column of a text file has, and which unit its header speaks of."""

from __future__ import annotations

import re
import unicodedata

import polars as pl

from stellwerk.features.datasets import bring_to_types
from stellwerk.protocols.odcs import Contract, Property
from stellwerk.protocols.odcs.contract import LogicalType

# Numbers that are names of things: postal codes, telephone and card numbers lose something as numbers.
_NOT_A_NUMBER = r"^\s*(?:\+\d|-?0\d|-?\d{16,}\s*$)"
_NUMBERS: tuple[LogicalType, ...] = ("integer", "number")
_MOMENTS: tuple[LogicalType, ...] = ("date", "timestamp")
_TRUTH = ("true", "false")
_UNITS = {
    "eur": "EUR", "€": "EUR", "euro": "EUR", "usd": "USD", "$": "USD", "gbp": "GBP", "£": "GBP", "chf": "CHF",
    "pct": "percent", "percent": "percent", "prozent": "percent", "%": "percent",
    "years": "years", "yrs": "years", "jahre": "years", "months": "months", "mths": "months", "monate": "months",
    "weeks": "weeks", "wochen": "weeks", "days": "days", "tage": "days", "hours": "hours", "hrs": "hours",
    "stunden": "hours", "minutes": "minutes", "mins": "minutes", "minuten": "minutes", "seconds": "seconds",
    "secs": "seconds", "ms": "ms", "kg": "kg", "tons": "t", "km": "km", "cm": "cm", "mm": "mm", "miles": "miles",
    "sqm": "m²", "m2": "m²", "m²": "m²", "qm": "m²", "sqft": "sq ft", "kwh": "kWh", "kw": "kW", "mwh": "MWh",
    "celsius": "°C", "°c": "°C", "kmh": "km/h", "mph": "mph", "bpm": "per minute", "mb": "MB", "gb": "GB",
}


def plain_property(name: str, kind: LogicalType) -> Property:
    """Return a column of a contract with a type and no other rule."""
    return Property(name=name, type=kind, required=False, unique=False, primary_key=False, description="",
                    business_name="", unit=None, minimum=None, maximum=None, min_length=None, max_length=None,
                    pattern=None, enum=None)


def plain_contract(types: dict[str, LogicalType]) -> Contract:
    """Return a contract that states types only."""
    return Contract(name="look", version="0", quality=(), text="",
                    properties=tuple(plain_property(name, kind) for name, kind in types.items()))


def types_of(raw: pl.DataFrame) -> dict[str, LogicalType]:
    """Return the narrowest type that takes every value of each column, as the platform reads values.

    Only true and false are booleans: 0 and 1 may be a count that reaches 2 next month, and yes and no may come to
    know a third answer; as rules those would refuse tomorrow's data.
    """
    found: dict[str, LogicalType] = dict.fromkeys(raw.columns, "string")
    left = [name for name in raw.columns if raw[name].null_count() < raw.height]
    truths = [name for name in left
              if raw[name].drop_nulls().str.strip_chars().str.to_lowercase().is_in(_TRUTH).all()]
    found.update(dict.fromkeys(truths, "boolean"))
    named = {name for name in left if raw[name].str.contains(_NOT_A_NUMBER).any()}
    for kind in _NUMBERS:
        left = [name for name in left if found[name] == "string"]
        fits = _that_fit(raw, [name for name in left if name not in named], kind)
        found.update(dict.fromkeys(fits, kind))
    left = [name for name in left if found[name] == "string" and raw[name].str.contains(r"\d").any()]
    for kind in _MOMENTS:
        fits = _that_fit(raw, [name for name in left if found[name] == "string"], kind)
        found.update(dict.fromkeys(fits, kind))
    return found


def _that_fit(raw: pl.DataFrame, names: list[str], kind: LogicalType) -> list[str]:
    if not names:
        return []
    typed = bring_to_types(raw.select(names), plain_contract(dict.fromkeys(names, kind)))
    return [name for name in names if name not in typed.misfits and typed.frame[name].null_count() < raw.height]


def unit_of(header: str) -> str | None:
    """Return the unit that a header names at its end or in brackets, such as EUR for ``amount_eur``."""
    words = [word for word in re.split(r"[\s_\-.,;:()\[\]/]+", unicodedata.normalize("NFC", header).lower()) if word]
    return _UNITS.get(words[-1]) if len(words) > 1 else None


def words_of(header: str) -> list[str]:
    """Return the words of a header in lower case: ``customerId`` and ``customer_id`` give customer and id."""
    parted = re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])", " ", header)
    return [word for word in re.split(r"[\W_]+", parted.lower()) if word]
