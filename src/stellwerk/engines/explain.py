"""Why a score is what it is: Shapley values of one row over a frozen background, the same whenever asked.

A coalition's worth is the mean score over the background rows with the coalition's inputs taken from the row in
question (interventional Shapley values; Shapley 1953, Lundberg and Lee 2017). All coalitions are scored where that
is affordable, else seeded permutations each with its reverse (antithetic; Mitchell, Cooper, Frank and Holmes 2022).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]
Score = Callable[[Columns], Floats]

BUDGET_ROWS = 1 << 17
_BATCH_ROWS = 1 << 15
_MOST_EXACT_INPUTS = 16


@dataclass(frozen=True)
class Explanation:
    """``base`` (mean score of the background) plus all contributions is ``score``, up to rounding of the last digits.

    ``errors`` are standard errors of the contributions, zero when every coalition was scored (``exact``); with a
    single pair of permutations nothing is known of the error, and the contribution itself stands for it.
    """

    base: float
    score: float
    contributions: dict[str, float]
    errors: dict[str, float]
    exact: bool
    rows_scored: int

    def as_json(self) -> dict[str, Any]:
        """Return the explanation with the inputs ordered by weight, heaviest first."""
        order = sorted(self.contributions, key=lambda name: (-abs(self.contributions[name]), name))
        return {"base": self.base, "score": self.score, "exact": self.exact, "rows_scored": self.rows_scored,
                "inputs": [{"input": name, "contribution": self.contributions[name], "error": self.errors[name]}
                           for name in order]}


def explain(score: Score, row: Mapping[str, Any], background: Columns, *, seed: int = 0,
            budget_rows: int = BUDGET_ROWS) -> Explanation:
    """Return what each input of ``row`` contributes to its score against the mean of ``background``.

    ``score`` maps columns (one array per input) to probabilities; ``background`` has one array per input, all of one
    length; ``row`` has one value per input, in the form that the arrays hold (missing text '', missing numbers NaN).
    At most about ``budget_rows`` rows are scored, but never fewer than one permutation and its reverse need. Raises
    ValueError when row and background do not have the same inputs or the background is empty.
    """
    names = sorted(background)
    if sorted(row) != names or not names:
        raise ValueError(f"the row has the inputs {sorted(row)}, the background {names}")
    size = len(background[names[0]])
    if not size or any(len(background[name]) != size for name in names):
        raise ValueError("the background needs rows, and as many of each input")
    worth = _Worth(score, [_wide(background[name]) for name in names], [row[name] for name in names], names)
    count = len(names)
    exact = count <= _MOST_EXACT_INPUTS and size << count <= budget_rows
    if exact:
        found, errors = _exact(worth, count), np.zeros(count)
    else:
        pairs = max(1, budget_rows // (2 * size * max(1, count - 1)))
        found, errors = _sampled(worth, count, pairs, np.random.default_rng(seed))
    base, whole = worth.of([0, (1 << count) - 1])
    return Explanation(float(base), float(whole), dict(zip(names, found.tolist(), strict=True)),
                       dict(zip(names, errors.tolist(), strict=True)), exact, worth.rows)


def _wide(column: NDArray[Any]) -> NDArray[Any]:
    # Arrays of fixed-width text or of whole numbers could not hold every value of another row.
    return column.astype(object if column.dtype.kind in "US" else np.float64 if column.dtype.kind in "iub" else
                         column.dtype)


class _Worth:
    """The worth of coalitions, each scored once; a coalition is a bit mask over the inputs in their order."""

    def __init__(self, score: Score, background: Sequence[NDArray[Any]], row: Sequence[Any],
                 names: Sequence[str]) -> None:
        self._score = score
        self._background = background
        self._row = row
        self._names = names
        self._known: dict[int, float] = {}
        self.rows = 0

    def of(self, masks: Sequence[int]) -> Floats:
        """Return the worth of each coalition."""
        missing = [mask for mask in dict.fromkeys(masks) if mask not in self._known]
        size = len(self._background[0])
        step = max(1, _BATCH_ROWS // size)
        for start in range(0, len(missing), step):
            self._look_up(missing[start:start + step], size)
        return np.array([self._known[mask] for mask in masks])

    def _look_up(self, masks: Sequence[int], size: int) -> None:
        columns = {}
        for bit, name in enumerate(self._names):
            column = np.tile(self._background[bit], len(masks))
            inside = np.repeat(np.array([mask >> bit & 1 for mask in masks], dtype=bool), size)
            column[inside] = self._row[bit]
            columns[name] = column
        scores = np.asarray(self._score(columns), dtype=np.float64).reshape(len(masks), size)
        self.rows += scores.size
        self._known.update(zip(masks, scores.mean(axis=1).tolist(), strict=True))


def _exact(worth: _Worth, count: int) -> Floats:
    everything = np.arange(1 << count)
    values = worth.of(everything.tolist())
    members = np.array([int(mask).bit_count() for mask in everything])
    weights = np.array([1 / (count * comb(count - 1, have)) for have in range(count)])
    found = np.empty(count)
    for bit in range(count):
        without = everything[(everything >> bit & 1) == 0]
        found[bit] = (weights[members[without]] * (values[without | 1 << bit] - values[without])).sum()
    return found


def _sampled(worth: _Worth, count: int, pairs: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    orders = [order for _ in range(pairs) for half in [rng.permutation(count)] for order in (half, half[::-1])]
    values = worth.of([mask for order in orders for mask in _walk(order)]).reshape(len(orders), count + 1)
    steps = np.empty((len(orders), count))
    for number, order in enumerate(orders):
        steps[number, order] = np.diff(values[number])
    of_pairs = steps.reshape(pairs, 2, count).mean(axis=1)
    spread = of_pairs.std(axis=0, ddof=1) / np.sqrt(pairs) if pairs > 1 else np.abs(of_pairs[0])
    return of_pairs.mean(axis=0), spread


def _walk(order: NDArray[np.int64]) -> list[int]:
    masks = [0]
    for bit in order:
        masks.append(masks[-1] | 1 << int(bit))
    return masks
