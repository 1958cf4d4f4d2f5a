"""The Hellinger distance: 0 where two distributions are the same, 1 where they share nothing."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.distances.shares import shares


def hellinger(reference: Integers, current: Integers) -> float:
    """The distance of counts side by side, 0 to 1."""
    return of_shares(shares(reference), shares(current))


def of_shares(p: Floats, q: Floats) -> float:
    """The distance of shares side by side."""
    return float(np.sqrt(np.sum((np.sqrt(p) - np.sqrt(q)) ** 2) / 2))
