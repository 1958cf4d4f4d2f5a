"""Counts to shares, as every distance between distributions starts."""

from __future__ import annotations

import numpy as np

from deadreckon.drift.buckets import Floats, Integers

HALF: float = 0.5
"""Added to every count where a logarithm is taken (Jeffreys' prior, as Krichevsky and Trofimov use it)."""


def shares(counts: Integers) -> Floats:
    """Counts as shares of their sum; NaN where there is none."""
    total = counts.sum()
    return counts / total if total else np.full(len(counts), np.nan)


def smoothed(counts: Integers) -> Floats:
    """Shares of the counts with one half added to each: none is 0, and a small change stays a small change."""
    return np.asarray((counts + HALF) / (counts.sum() + HALF * len(counts)))
