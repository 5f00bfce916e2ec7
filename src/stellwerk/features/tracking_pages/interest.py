"""Which metric a reader asks for first, guessed from names where nobody said it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORDS = re.compile(r"[a-z0-9]+")
_HELD_OUT = {"test": 0, "val": 1, "valid": 1, "validation": 1, "eval": 1, "cv": 1, "holdout": 1, "oof": 1}
_QUALITY = frozenset({"auc", "roc", "accuracy", "acc", "f1", "score", "r2", "ap", "map", "ndcg", "precision", "recall",
                      "mcc", "kappa", "bleu", "rouge"})
_COST = frozenset({"loss", "error", "err", "rmse", "mse", "mae", "mape", "smape", "logloss", "brier", "ece", "wer",
                   "cer", "perplexity", "deviance", "nll", "crps", "latency", "ms", "seconds", "time", "duration"})
_MACHINE = ("system/",)


def _words(key: str) -> list[str]:
    return _WORDS.findall(key.lower())


def falls(key: str) -> bool:
    """Tell whether less of a metric is better, as far as its name says."""
    return not _COST.isdisjoint(_words(key))


def by_interest(keys: Iterable[str]) -> list[str]:
    """Return metrics in the order of asking: quality on held-out data, costs there, quality and costs elsewhere."""

    def place(key: str) -> tuple[bool, int, int, str]:
        words = _words(key)
        kind = 0 if not _QUALITY.isdisjoint(words) else 1 if falls(key) else 2
        held_out = min((_HELD_OUT[word] for word in words if word in _HELD_OUT), default=2)
        return key.startswith(_MACHINE), held_out if kind < 2 else 3, kind, key

    return sorted(keys, key=place)
