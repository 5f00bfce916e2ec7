"""Whether the compiled model decides as the estimator did from which it was compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stellwerk.features.evaluations.intervals import Floats

FLIPS_ALLOWED = 0.001
P99_ALLOWED = 1e-4
_SHOWN = 20


def parity(estimator: Floats, compiled: Floats, decide: Callable[[Floats], Any]) -> dict[str, Any]:
    """Compare probabilities of estimator and compiled model, row by row.

    ``decide`` maps probabilities to the codes of decisions. It holds when at most 0.1 % of decisions flip and the
    99th percentile of the absolute difference is at most 1e-4. ``offending`` names the first 20 rows that flip or
    differ by more, largest difference first. Not finite anywhere counts as a flip and an endless difference.
    """
    finite = np.isfinite(estimator) & np.isfinite(compiled)
    gap = np.where(finite, np.abs(estimator - compiled), np.inf)
    flips = (decide(estimator) != decide(compiled)) | ~finite
    flip_share = float(flips.mean()) if len(gap) else 0.0
    p99 = float(np.percentile(gap, 99, method="higher")) if len(gap) else 0.0
    bad = np.flatnonzero(flips | (gap > P99_ALLOWED))
    worst = bad[np.argsort(-gap[bad], kind="stable")][:_SHOWN]
    return {
        "holds": flip_share <= FLIPS_ALLOWED and p99 <= P99_ALLOWED,
        "rows": len(gap), "flips": int(flips.sum()), "flip_share": flip_share,
        "p99": _plain(p99), "largest": _plain(float(gap.max()) if len(gap) else 0.0),
        "allowed": {"flip_share": FLIPS_ALLOWED, "p99": P99_ALLOWED},
        "offending": [{"row": int(row), "estimator": _plain(float(estimator[row])),
                       "compiled": _plain(float(compiled[row])), "flips": bool(flips[row])} for row in worst],
    }


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
