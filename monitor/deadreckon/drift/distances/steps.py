"""The difference of two distribution functions: its height is Kolmogorov-Smirnov's D, its area Wasserstein-1."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Floats


def steps(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """All values of two sorted samples, distinct and ascending, and F - G at each of them (up to the next)."""
    both = np.concatenate([reference, current])
    order = np.argsort(both, kind="stable")  # merges two sorted runs, in linear time
    grid = both[order]
    last = np.flatnonzero(np.append(grid[1:] != grid[:-1], True))  # of values that are equal
    from_current = np.cumsum(order >= len(reference))[last]
    return grid[last], (last + 1 - from_current) / len(reference) - from_current / len(current)
