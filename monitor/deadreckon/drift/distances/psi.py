"""The population stability index: the symmetric Kullback-Leibler divergence, KL(p||q) + KL(q||p), in nats."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.distances.shares import smoothed


def psi(reference: Integers, current: Integers) -> float:
    """PSI of counts side by side, half a count added to each; 0 and up."""
    p, q = smoothed(reference), smoothed(current)
    return float(np.sum((q - p) * np.log(q / p)))
