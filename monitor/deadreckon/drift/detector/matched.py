"""Which reference a window is held against: windows of the same hour of the week, where there are enough of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from deadreckon.drift.buckets import Integers

LEAST_WINDOWS: Final = 4
"""Windows that a cell needs; one of them may be left out."""
HOURS_A_WEEK: Final = 168
HOURS_A_DAY: Final = 24
HOURLY: Final = (HOURS_A_WEEK, HOURS_A_DAY)
"""Periods in which hourly windows come again, the narrowest match first."""
DAILY: Final = (7,)
"""Those of daily windows."""


class Matched:
    """A reference by cell, from windows of counts (windows, buckets) and the number of each since the epoch."""

    def __init__(self, windows: Integers, counts: Integers, periods: tuple[int, ...] = HOURLY) -> None:
        self._windows = windows
        self._counts = counts
        self._filled = counts.sum(axis=1) > 0
        self._periods = periods

    def of(self, windows: Integers) -> Integers:
        """The reference's counts for these windows, with shape (windows, buckets)."""
        return self._sums(windows)[0]

    def cells(self) -> tuple[Integers, Integers]:
        """The reference of each window of the longest period, and by which of the periods it matches.

        A match is the place in `periods`; their number means that all windows were taken.
        """
        return self._sums(np.arange(self._periods[0]))

    def of_itself(self) -> Integers:
        """For each window of the reference its cell's counts without its own: what it is calibrated against."""
        return self._sums(self._windows)[0] - self._counts

    def _sums(self, windows: Integers) -> tuple[Integers, Integers]:
        found = np.broadcast_to(self._counts.sum(axis=0), (len(windows), self._counts.shape[1])).copy()
        match = np.full(len(windows), len(self._periods))
        for place, period in reversed(list(enumerate(self._periods))):  # the narrowest last: it counts if it has enough
            cell = self._windows % period
            sums = np.zeros((period, self._counts.shape[1]), dtype=np.int64)
            np.add.at(sums, cell, self._counts)
            enough = np.bincount(cell[self._filled], minlength=period) >= LEAST_WINDOWS
            chosen = enough[windows % period]
            found[chosen] = sums[windows % period][chosen]
            match[chosen] = place
        return found, match
