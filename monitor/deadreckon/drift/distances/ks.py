"""Kolmogorov-Smirnov's D: the largest difference between two distribution functions, 0 to 1."""

from __future__ import annotations

import numpy as np
from scipy.special import kolmogorov

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.distances.shares import shares


def exact(difference: Floats) -> float:
    """D of two samples, by their `steps`."""
    return float(np.max(np.abs(difference)))


def bracket(reference: Integers, current: Integers) -> tuple[float, float]:
    """The lowest and the highest D that samples with these counts, side by side in ascending buckets, can have.

    At the buckets' ends both functions are known; inside of one they part further by at most min(p, q) of it.
    """
    p, q = shares(reference), shares(current)
    f, g = np.cumsum(p), np.cumsum(q)
    low = float(np.max(np.abs(f - g)))
    # Inside a bucket the functions are furthest apart where all of one side comes before all of the other.
    return low, max(low, float(np.max(f - (g - q))), float(np.max(g - (f - p))))


def p_value(d: float, n_reference: int, n_current: int) -> float:
    """The probability of a D as large when both are one distribution (Kolmogorov's limit: rough below 50 values)."""
    return float(kolmogorov(np.sqrt(n_reference * n_current / (n_reference + n_current)) * d))
