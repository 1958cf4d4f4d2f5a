"""What is usual: how the scores of the reference's own windows lie, and how surely that is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from scipy.special import betaincinv
from scipy.stats import rankdata

from deadreckon.drift.buckets import Floats, Integers

RANKS: Final = np.array([1, 2, 4, 8, 16, 32, 64, 128])
"""Which of the largest scores are levels."""
ETA: Final = 0.05
"""The probability, over the fleet, that a level's tail is larger than its limit says."""
LAGS: Final = (1, 2, 3, 4, 6, 8, 12, 24)
CORRELATED: Final = 0.1
MOST_LAG: Final = 24
OUTLYING: Final = 3.0
"""Standard deviations at which the previous score is cut off before it is taken into account."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A stream's levels: shape (scores, ranks), the largest first, and the upper limits of their tails (scores, ranks).

    `lag` 1: innovations, with `rho`, `mean` and `sd` by score; more: raw scores and as many interleaved detectors, and
    `tau`, by score, says how many windows tell as much as one independent one.
    """

    levels: Floats
    limits: Floats
    rho: Floats
    mean: Floats
    sd: Floats
    lag: int
    windows: int
    tau: Floats

    def innovation(self, z: Floats, previous: Floats) -> Floats:
        """What is new in a window's scores, given those of the window before it (NaN: there was none)."""
        if self.lag > 1:
            return z
        known = np.where(np.isnan(previous), self.mean, previous)
        return np.asarray(z - self.rho * np.minimum(known - self.mean, OUTLYING * self.sd))


def calibrate(z: Floats, streams: int) -> Calibration:
    """Calibrate by the reference's leave-one-out scores (windows, scores), in the order of time.

    `streams`: how many there are in the fleet.

    Raises:
        ValueError: there are too few windows to know any level.
    """
    z = z[~np.isnan(z).any(axis=1)]
    windows, scores = z.shape
    if windows < 2 * int(RANKS[3]):
        raise ValueError(f"{windows} windows are too few to calibrate by: {2 * int(RANKS[3])} are needed at least")
    ranks = RANKS[windows // 2 >= RANKS]
    lag = max(_lag(column) for column in z.T)
    mean, sd = z.mean(axis=0), z.std(axis=0)
    rho = np.array([max(0.0, _autocorrelation(column, 1)) for column in z.T])
    tau = np.ones(scores) if lag == 1 else np.array([_inflation(column) for column in z.T])
    made = Calibration(np.empty(0), np.empty(0), rho, mean, sd, lag, windows, tau)
    previous = np.vstack([np.full((1, scores), np.nan), z[:-1]])
    new = made.innovation(z, previous)
    levels = -np.sort(-new, axis=0)[ranks - 1].T
    return replace(made, levels=levels, limits=tail_limits(windows, tau[:, None], ranks, streams, scores))


def tail_limits(windows: Floats | int, tau: Floats, ranks: Integers, streams: int, scores: int = 4) -> Floats:
    """The upper limit of the tail above the k-th largest of so many scores, sure for the fleet but for ETA.

    All are broadcast against each other; NaN where there are fewer windows than the rank.
    """
    error = ETA / (len(RANKS) * scores * streams)
    return np.asarray(betaincinv(ranks / tau, np.maximum(windows - ranks + 1, 0) / tau, 1 - error))


def _lag(column: Floats) -> int:
    """The smallest lag at whose multiples the ranks are as good as uncorrelated."""
    ranked = rankdata(column)
    noise = 3 / np.sqrt(len(column))  # what uncorrelated scores show by chance
    for lag in LAGS:
        multiples = range(lag, MOST_LAG + 1, lag)
        if all(_autocorrelation(ranked, k) < max(CORRELATED, noise) for k in multiples):
            return lag
    return MOST_LAG


def _inflation(column: Floats) -> float:
    """How many dependent windows tell as much as one independent one."""
    return 1 + 2 * sum(max(0.0, _autocorrelation(column, k)) for k in range(1, MOST_LAG + 1))


def _autocorrelation(column: Floats, lag: int) -> float:
    off = column - column.mean()
    total = float(off @ off)
    return float(off[lag:] @ off[:-lag]) / total if total > 0 and lag < len(column) else 0.0
