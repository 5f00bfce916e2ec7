"""Who is scored by which model: folds that keep a subject together, and a holdout that stays as data grow."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from stellwerk.kernel.errors import BadInput


def place_of(seed: int, subject: object) -> float:
    """Return the fixed place of a subject in [0, 1): the first 53 bits of SHA-256 over seed and subject."""
    digest = hashlib.sha256(f"{seed}\x1f{subject}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def holdout_mask(subjects: Sequence[Hashable], share: float, seed: int) -> NDArray[np.bool_]:
    """Return which rows are held out: those whose subject's place lies below ``share``.

    A row's membership depends on seed and subject alone, so it stays when rows come, go or change order.
    """
    places = {subject: place_of(seed, subject) < share for subject in set(subjects)}
    return np.fromiter((places[subject] for subject in subjects), dtype=bool, count=len(subjects))


def fold_numbers(subjects: Sequence[Hashable], strata: Sequence[Hashable], folds: int, seed: int) -> NDArray[np.int64]:
    """Return the fold, 0 to folds - 1, of each row: one fold per subject, strata spread evenly.

    Subjects of a stratum (that of their first row in sorted order) are dealt out in the order of their places, so
    the order of rows plays no part. Raises BadInput when there are fewer subjects than folds.
    """
    of_subject: dict[Hashable, Hashable] = {}
    for subject, stratum in zip(subjects, strata, strict=True):
        known = of_subject.get(subject)
        if known is None or str(stratum) < str(known):
            of_subject[subject] = stratum
    if len(of_subject) < folds:
        raise BadInput(f"There are {len(of_subject)} subjects for {folds} folds.", field="evaluate.folds", value=folds,
                       allowed=f"2 to {len(of_subject)}", hint="Use fewer folds, or check the subject column.")
    order = sorted(of_subject, key=lambda each: (str(of_subject[each]), place_of(seed, each), str(each)))
    number = {subject: index % folds for index, subject in enumerate(order)}
    return np.fromiter((number[subject] for subject in subjects), dtype=np.int64, count=len(subjects))
