"""L-infinity: the largest difference that a single value has in its share, 0 to 1."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.distances.shares import shares


def l_infinity(reference: Integers, current: Integers) -> float:
    """The largest absolute difference of the shares, of counts side by side."""
    return float(np.max(np.abs(shares(reference) - shares(current))))
