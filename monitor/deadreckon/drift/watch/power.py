"""Whether a reference is enough: how soon the worst change could be seen with it, however plain it were."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from deadreckon.drift.buckets import Floats
from deadreckon.drift.detector.calibration import LEAST, RANKS
from deadreckon.drift.detector.edetector import STAKES, Budget
from deadreckon.drift.watch.cadence import Cadence
from deadreckon.drift.watch.calibrations import Calibrations

MOST: int = 4096


def fastest(calibrations: Calibrations, limits: Floats, budget: Budget) -> Floats:
    """Windows, by stream, until an alarm when each one passes every level; infinite where none could ever come."""
    paid = np.where(np.isfinite(calibrations.levels), 1 / limits, 0.0)
    growth = 1 - STAKES[-1] + STAKES[-1] * paid.sum(axis=2).mean(axis=1) / len(RANKS)
    lag = calibrations.lag
    with np.errstate(divide="ignore"):
        windows = lag * np.maximum(np.log(len(STAKES) * budget.threshold / lag), 1.0) / np.log(growth)
    return np.where(growth > 1, windows, np.inf)


@lru_cache(maxsize=64)
def windows_needed(cadence: Cadence, budget: Budget) -> int:
    """Windows, at least, that a reference needs for a stream of a fleet with this budget, if they are independent."""
    low, high = LEAST, MOST
    while low < high:
        middle = (low + high) // 2
        one = Calibrations.empty(1)
        one.windows[:] = middle
        one.levels[:, :, middle // 2 >= RANKS] = 0.0
        if fastest(one, one.limits(budget.streams), budget)[0] <= cadence.longest:
            high = middle
        else:
            low = middle + 1
    return low
