"""The Hellinger distance: 0 where two distributions are the same, 1 where they share nothing."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.distances.shares import shares


def hellinger(reference: Integers, current: Integers) -> float:
    """The distance of counts side by side, 0 to 1."""
    return float(np.sqrt(np.sum((np.sqrt(shares(reference)) - np.sqrt(shares(current))) ** 2) / 2))
