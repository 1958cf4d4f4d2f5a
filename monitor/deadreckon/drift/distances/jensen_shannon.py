"""The Jensen-Shannon distance: the root of the mean divergence from the mean of both, 0 to 1 in base 2 (Lin, 1991)."""

from __future__ import annotations

import numpy as np
from scipy.special import rel_entr

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.distances.shares import shares


def jensen_shannon(reference: Integers, current: Integers, base: float = 2.0) -> float:
    """The distance of counts side by side; at most 1 in base 2, sqrt(ln 2) in base e."""
    return of_shares(shares(reference), shares(current), base)


def of_shares(p: Floats, q: Floats, base: float = 2.0) -> float:
    """The distance of shares side by side."""
    mean = (p + q) / 2
    nats = float(np.sum(rel_entr(p, mean)) + np.sum(rel_entr(q, mean))) / 2
    return float(np.sqrt(max(nats, 0.0) / np.log(base)))
