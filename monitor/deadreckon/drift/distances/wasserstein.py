"""Wasserstein-1, the earth mover's distance: the area between two distribution functions, in the values' unit."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.distances.shares import shares

NORMAL_IQR = 1.3489795003921634
"""The interquartile range of the standard normal distribution."""


def exact(grid: Floats, difference: Floats) -> float:
    """W1 of two samples, by their `steps`."""
    return float(np.sum(np.abs(difference[:-1]) * np.diff(grid)))


def bracket(reference: Integers, current: Integers, low: Floats, high: Floats) -> tuple[float, float, float]:
    """W1 with every value in the middle of its bucket, and the lowest and highest that it can be.

    `low`, `high`: the buckets' bounds. Moving each value to the middle costs half a bucket's width at most.
    """
    p, q = shares(reference), shares(current)
    middle = (low + high) / 2
    value = float(np.sum(np.abs(np.cumsum(p - q)[:-1]) * np.diff(middle)))
    error = float(np.sum((p + q) * (high - low) / 2))
    return value, max(0.0, value - error), value + error


def robust_scale(reference: Floats) -> float:
    """What to divide W1 by: the interquartile range of sorted numbers over that of the standard normal distribution.

    Where half of the values are one and the same it is 0: then the standard deviation, which may be 0 too. A few
    outliers do not change it, as they would the standard deviation.
    """
    low, high = np.quantile(reference, [0.25, 0.75])
    return float(high - low) / NORMAL_IQR or float(np.std(reference))


def robust_scale_binned(reference: Integers, middle: Floats) -> float:
    """The same of counts, each value taken for the middle of its bucket."""
    low, high = middle[np.searchsorted(np.cumsum(reference), np.array([0.25, 0.75]) * reference.sum())]
    mean = np.average(middle, weights=reference)
    return float(high - low) / NORMAL_IQR or float(np.sqrt(np.average((middle - mean) ** 2, weights=reference)))
