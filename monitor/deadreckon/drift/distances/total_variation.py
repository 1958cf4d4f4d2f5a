"""Total variation: the largest difference that any set of values can have in its share, 0 to 1."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.distances.shares import shares


def total_variation(reference: Integers, current: Integers) -> float:
    """Half the sum of absolute differences of the shares, of counts side by side."""
    return float(np.sum(np.abs(shares(reference) - shares(current))) / 2)
