"""The Kullback-Leibler divergence of the current from the reference, KL(current || reference), in nats."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.distances.shares import smoothed


def kl(reference: Integers, current: Integers) -> float:
    """KL of counts side by side, half a count added to each; 0 and up."""
    p, q = smoothed(reference), smoothed(current)
    return float(np.sum(q * np.log(q / p)))
