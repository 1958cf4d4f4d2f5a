"""Windows drawn from a reference that has too few of its own: its values dealt out at random, none of them twice.

If the windows to come hold values like the reference's, each independent of the others, they are such windows too. How
windows differ from hour to hour cannot be told by a reference of an hour: see `evaluate`.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Integers

MOST: Final = 28 * 24
"""As many as the hours of the usual reference."""
_COUNTABLE: Final = 10**9
"""NumPy draws from no more."""


def flattered(parts: Integers, columns: int) -> float:
    """By how much the share of the most frequent values is too high because they are what was frequent by chance.

    They are chosen in half of the windows, and looked for in the other half. 0 where each value has a column.
    """
    if parts.shape[1] <= columns:
        return 0.0
    half, other = parts[::2].sum(axis=0), parts[1::2].sum(axis=0)
    chosen = np.argsort(-half, kind="stable")[:columns]
    return float(half[chosen].sum() / half.sum() - other[chosen].sum() / other.sum())


def windows(counts: Integers, size: int) -> Integers:
    """Up to MOST windows of `size` values each (windows, places), given how many values lie in each place.

    The same counts give the same windows. Scores of small windows are the more extreme ones for what they are, so that
    windows of as few values as any may have are the cautious choice for larger ones.
    """
    seed = blake2b(counts.astype("<i8").tobytes(), digest_size=16).digest()
    rng = np.random.default_rng(int.from_bytes(seed))
    while counts.sum() >= _COUNTABLE:
        counts = counts // 2
    number = min(MOST, int(counts.sum()) // size)
    taken = rng.multivariate_hypergeometric(counts, number * size)
    values = rng.permutation(np.repeat(np.arange(len(counts)), taken))
    at = np.repeat(np.arange(number), size) * len(counts) + values
    return np.bincount(at, minlength=number * len(counts)).astype(np.int64).reshape(number, len(counts))
