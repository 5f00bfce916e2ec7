"""The column that a service decides: two labels, one of them positive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from stellwerk.cli.scaffold.types import plain_contract
from stellwerk.features.datasets import bring_to_types
from stellwerk.kernel.errors import BadInput
from stellwerk.protocols.odcs.contract import LogicalType

# The labels that the platform takes for a yes when a manifest names no positive one, and what is plainly a no.
_YES = (True, 1, "yes", "true", "1", "y", "approved", "positive", "ja")
_NO = (False, 0, "no", "false", "0", "n", "rejected", "negative", "nein")


@dataclass(frozen=True)
class Target:
    """The target: its two labels in the type of the contract, and ``spelled``, how the file writes the positive."""

    name: str
    type: LogicalType
    positive: Any
    negative: Any
    evident: bool
    spelled: tuple[str, ...]

    def flags(self, frame: pl.DataFrame) -> pl.Series:
        """Return which rows of a typed table have the positive label."""
        return frame.select(pl.col(self.name) == self.positive).to_series()


def look_at_target(raw: pl.DataFrame, name: str, kind: LogicalType, file: str) -> Target:
    """Return the target's labels; raises BadInput naming column, values and what is allowed."""
    text = raw[name]
    found = text.drop_nulls().unique().sort()
    typed = _typed(text, kind)
    # Yes, yes and NO are three texts but two answers.
    if kind == "string" and found.len() > 2:
        as_truth = _typed(text, "boolean")
        if as_truth.null_count() == text.null_count():
            kind, typed = "boolean", as_truth
    labels = typed.drop_nulls().unique().sort().to_list()
    if len(labels) != 2 or kind in ("date", "timestamp"):
        shown = [str(value) for value in found.head(10).to_list()]
        raise BadInput(f"The target {name!r} has {len(labels)} different values, not two.", field="--target",
                       value=shown, allowed="a column with two values, such as yes and no",
                       hint=f"Choose another column, or map it to two values in {file}.")
    if typed.null_count():
        row = int(typed.is_null().arg_true()[0]) + 1
        raise BadInput(f"The target {name!r} is missing in {typed.null_count()} rows, first in row {row}.",
                       field="--target", value=name, allowed=labels, hint="Remove those rows from the file.")
    positive, evident = _positive(typed, labels)
    spelled = raw.filter(typed == positive)[name].unique().sort().to_list()
    return Target(name=name, type=kind, positive=positive, negative=labels[1 - labels.index(positive)],
                  evident=evident, spelled=tuple(spelled))


def _typed(text: pl.Series, kind: LogicalType) -> pl.Series:
    return bring_to_types(text.to_frame(), plain_contract({text.name: kind})).frame[text.name]


def _positive(typed: pl.Series, labels: list[Any]) -> tuple[Any, bool]:
    """Return the positive label and whether it is evident; else it is the rarer one, which is mostly sought."""
    words = [label.lower() if isinstance(label, str) else label for label in labels]
    for label, word, other in zip(labels, words, reversed(words), strict=True):
        if word in _YES and other in _NO:
            return label, True
    first = int((typed == labels[0]).sum())
    return (labels[0] if first < typed.len() - first else labels[1]), False
