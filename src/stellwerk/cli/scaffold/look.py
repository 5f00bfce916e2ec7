"""Looking at a data file: what each column is, which may be inputs of a model, and why others may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from stellwerk.cli.scaffold.target import Target, look_at_target
from stellwerk.cli.scaffold.types import plain_contract, types_of, unit_of, words_of
from stellwerk.features.datasets import UNTYPED, bring_to_types
from stellwerk.features.evaluations import roc_auc
from stellwerk.kernel.errors import BadInput
from stellwerk.kernel.yaml_source import nearest
from stellwerk.protocols.odcs.contract import LogicalType

Role = Literal["input", "target", "subject", "protected", "excluded"]
FOLDS = 5
_FEWEST_ROWS = 20
_LEAK = 0.99
_CATEGORIES = 200
_GROUPS = 20
_ID_WORDS = frozenset({"id", "ids", "uuid", "guid", "key", "nr", "no", "num", "number", "nummer", "index", "row"})
_ALWAYS_ID = frozenset({"id", "ids", "uuid", "guid"})
_GROUPING_COMMAS = r"^\s*-?\d{1,3}(?:,\d{3})+(?:\.\d+)?\s*$|^\s*-?\d{1,3}(?:\.\d+)?\s*$"
_WITH_SIGN = r"^\s*[€$£]?\s*-?\d[\d.,]*\s*[€$£%]?\s*$"
_DATE_TEXT = r"^\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(?:[T ].*)?$"


@dataclass(frozen=True)
class Column:
    """One column: its name and type, its role, and for an excluded one the reason in words."""

    name: str
    type: LogicalType
    role: Role
    missing: int
    reason: str = ""

    @property
    def unit(self) -> str | None:
        """The unit that the header names, for numbers."""
        return unit_of(self.name) if self.type in ("integer", "number") else None


@dataclass(frozen=True)
class Look:
    """What was found in a file; ``frame`` has the columns in their types, ``raw`` the text as it stands there."""

    columns: tuple[Column, ...]
    target: Target
    raw: pl.DataFrame
    frame: pl.DataFrame
    notes: tuple[str, ...]

    def names(self, role: Role) -> list[str]:
        """Return the names of the columns with a role, in the file's order."""
        return [column.name for column in self.columns if column.role == role]

    @property
    def numbers(self) -> list[str]:
        """Inputs that a model takes as numbers."""
        return [column.name for column in self.columns if column.role == "input" and column.type != "string"]

    @property
    def texts(self) -> list[str]:
        """Inputs that a model takes as categories."""
        return [column.name for column in self.columns if column.role == "input" and column.type == "string"]


def look_at(raw: pl.DataFrame, file: str, *, target: str, subject: str | None, protected: Sequence[str]) -> Look:
    """Return what the columns of a file are; raises BadInput for names and data that no service can be made of."""
    _check_names(raw, file, target, subject, protected)
    types = types_of(raw)
    labels = look_at_target(raw, target, types[target], file)
    types[target] = labels.type
    frame = bring_to_types(raw, plain_contract(types)).frame
    roles: dict[str, Role] = {target: "target", **dict.fromkeys(protected, "protected")}
    if subject is not None:
        roles[subject] = "subject"
        _check_subject(frame, subject)
    _check_size(frame, labels, subject, file)
    columns = tuple(_column(frame[name], types[name], roles.get(name)) for name in raw.columns)
    if not any(column.role == "input" for column in columns):
        raise BadInput(f"{file} has no column that could be an input of a model.", field="--data", value=file,
                       allowed="at least one column of numbers or categories beside target, subject and protected",
                       details=[f"{column.name}: {column.reason or column.role}" for column in columns])
    notes = [*_repeat_notes(frame, columns), *_protected_notes(frame, columns), *_leak_notes(frame, columns, labels)]
    return Look(columns=columns, target=labels, raw=raw, frame=frame, notes=tuple(notes))


def _check_names(raw: pl.DataFrame, file: str, target: str, subject: str | None, protected: Sequence[str]) -> None:
    asked = [("--target", target), *((("--subject", subject),) if subject is not None else ()),
             *(("--protected", name) for name in protected)]
    taken: dict[str, str] = {}
    for option, name in asked:
        if name not in raw.columns:
            close = nearest(name, raw.columns)
            raise BadInput(f"{file} has no column {name!r}.", field=option, value=name, allowed=raw.columns[:50],
                           hint=f"Did you mean {close}?" if close else None)
        if name in taken:
            raise BadInput(f"The column {name!r} is named by {taken[name]} already.", field=option, value=name,
                           allowed="one role per column")
        taken[name] = option
    lower = [name.lower() for name in raw.columns]
    alike = [name for name in raw.columns if lower.count(name.lower()) > 1]
    if alike:
        raise BadInput(f"{file} has columns that differ in capital letters only: {', '.join(alike[:10])}.",
                       field="--data", value=alike, allowed="a name of its own for each column",
                       hint="Rename one of them.")
    odd = [name for name in raw.columns if len(name) > 200 or name.startswith(UNTYPED)]
    if odd:
        raise BadInput(f"{file} has a column whose name cannot be kept: {odd[0][:60]!r}.", field="--data",
                       value=odd[0][:200], allowed=f"at most 200 characters, not beginning with {UNTYPED}",
                       hint="Rename the column.")


def _check_subject(frame: pl.DataFrame, subject: str) -> None:
    missing = frame[subject].null_count()
    if missing:
        row = int(frame[subject].is_null().arg_true()[0]) + 1
        raise BadInput(f"The subject {subject!r} is missing in {missing} rows, first in row {row}.", field="--subject",
                       value=subject, allowed="a column that is known in each row",
                       hint="Name another column, or leave --subject out: then each row stands for itself.")


def _check_size(frame: pl.DataFrame, labels: Target, subject: str | None, file: str) -> None:
    positive = labels.flags(frame)
    if frame.height < _FEWEST_ROWS:
        raise BadInput(f"{file} has {frame.height} rows, too few to learn from.", field="--data", value=frame.height,
                       allowed=f"at least {_FEWEST_ROWS} rows")
    for label, mask in ((labels.positive, positive), (labels.negative, ~positive)):
        count = frame.filter(mask)[subject].n_unique() if subject else int(mask.sum())
        if count < FOLDS:
            whose = "different subjects" if subject else "rows"
            raise BadInput(f"Only {count} {whose} have {labels.name} = {label!r}, too few to learn from.",
                           field="--target", value=labels.name, allowed=f"at least {FOLDS} {whose} of each label",
                           hint="Bring more data, or choose another target.")


def _column(values: pl.Series, kind: LogicalType, role: Role | None) -> Column:
    if role is not None:
        return Column(values.name, kind, role, values.null_count())
    reason = _reason_against(values, kind)
    return Column(values.name, kind, "excluded" if reason else "input", values.null_count(), reason)


def _reason_against(values: pl.Series, kind: LogicalType) -> str:
    """Return why a column cannot be an input, nothing where it can."""
    known = values.drop_nulls()
    rows, distinct = values.len(), known.n_unique()
    if known.is_empty():
        return "has no values"
    # A missing number is filled with the mean, so gaps tell a model nothing; a missing text is a category.
    if distinct == 1 and (kind != "string" or known.len() == rows):
        return "has the same value everywhere"
    if kind in ("date", "timestamp") or (kind == "string" and known.str.contains(_DATE_TEXT).all()):
        return "a date; derive a number from it to use it"
    if values.name == "probabilities":
        return "has the name of a compiled model's output"
    if known.len() < min(20, rows / 2):
        return "has values in a few rows only"
    if _is_id(values.name, kind, distinct, known.len()):
        return "an id, which tells rows or things apart"
    if kind == "string":
        if known.str.contains(_GROUPING_COMMAS).all() and known.str.contains(",").any():
            return "numbers with commas that may group thousands or be decimal; write them without"
        if known.str.contains(_WITH_SIGN).all() and known.str.contains("[€$£%]").any():
            return "numbers with a sign beside them; write them without"
        if distinct > 5 and distinct > known.len() / 2:
            return "has another text in nearly each row"
        return f"has more than {_CATEGORIES} different texts" if distinct > _CATEGORIES else ""
    return _reason_against_number(known, rows) if kind in ("integer", "number") else ""


def _is_id(name: str, kind: LogicalType, distinct: int, known: int) -> bool:
    words = words_of(name)
    if not words or kind not in ("string", "integer"):
        return False
    ends = {words[0], words[-1]}
    if not _ALWAYS_ID.isdisjoint(ends) and distinct > _GROUPS:
        return True
    return not _ID_WORDS.isdisjoint(ends) and (distinct > 0.9 * known or distinct > _CATEGORIES)


def _repeat_notes(frame: pl.DataFrame, columns: Sequence[Column]) -> list[str]:
    """Say which ids stand in several rows: their rows would be on both sides of a split."""
    if any(column.role == "subject" for column in columns):
        return []
    return [f"{column.name} stands in several rows each; name it by --subject, so that its rows are never split "
            "between training and scoring"
            for column in columns
            if _is_id(column.name, column.type, distinct := frame[column.name].drop_nulls().n_unique(), frame.height)
            and column.role == "excluded" and distinct < 0.9 * (frame.height - column.missing)]


def _reason_against_number(known: pl.Series, rows: int) -> str:
    values = known.cast(pl.Float64).to_numpy()
    if len(values) == rows and known.dtype == pl.Int64 and np.ptp(values) == rows - 1 and known.n_unique() == rows:
        return "a running number"
    # Compiled models compute with 32 bits: what that rounding changes must be small against what tells rows apart.
    if np.abs(values).max() > 1e37 or np.abs(values - values.astype(np.float32)).max() > 1e-5 * values.std():
        return "has numbers too long for a compiled model"
    return ""


def _protected_notes(frame: pl.DataFrame, columns: Sequence[Column]) -> list[str]:
    notes = []
    for column in columns:
        if column.role == "protected":
            if column.type in ("date", "timestamp"):
                raise BadInput(f"The protected column {column.name!r} holds dates, which make no groups.",
                               field="--protected", value=column.name, allowed="a column with a few groups",
                               hint="Derive a group from it, such as an age band.")
            groups = frame[column.name].n_unique()
            if groups > _GROUPS:
                notes.append(f"{column.name} is protected and has {groups} different values; groups so small can "
                             "hardly be compared, so derive bands from it")
    return notes


def _leak_notes(frame: pl.DataFrame, columns: Sequence[Column], labels: Target) -> list[str]:
    positive = labels.flags(frame).to_numpy()
    notes = []
    for column in columns:
        if column.role == "input" and alone(frame[column.name], positive) > _LEAK:
            notes.append(f"{column.name} alone tells the target nearly perfectly; if it only becomes known "
                         "afterwards, name it under exclude")
    return notes


def alone(column: pl.Series, positive: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
    """Return how well a column alone tells the labels apart: the larger of the areas of both directions.

    A text counts by the share of positives of its value; missing numbers stand below, then above all others.
    """
    if column.dtype == pl.String:
        # With a few rows per value, shares tell the labels apart by chance.
        if column.n_unique() * 5 > column.len():
            return 0.5
        table = pl.DataFrame({"value": column, "positive": positive})
        scores = [table.select(pl.col("positive").mean().over("value")).to_series().to_numpy()]
    else:
        numbers = column.cast(pl.Float64)
        ends = (-np.inf, np.inf) if numbers.null_count() else (0.0,)
        scores = [numbers.fill_null(end).to_numpy() for end in ends]
    areas = [roc_auc(positive, values) for values in scores]
    return max(max(area, 1 - area) for area in areas)
