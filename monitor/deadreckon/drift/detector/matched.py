"""Which reference a window is held against: windows of the same hour of the week, where there are enough of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from deadreckon.drift.buckets import Integers

LEAST_WINDOWS: Final = 4
"""Windows that a cell needs; one of them may be left out."""
HOURS_A_WEEK: Final = 168
HOURS_A_DAY: Final = 24


class Matched:
    """A reference by cell, from windows of counts (windows, buckets) and the hour since the epoch of each."""

    def __init__(self, hours: Integers, counts: Integers) -> None:
        self._hours = hours
        self._counts = counts
        self._filled = counts.sum(axis=1) > 0

    def of(self, hours: Integers) -> Integers:
        """The reference's counts for windows at these hours, with shape (hours, buckets)."""
        return self._sums(hours)

    def of_itself(self) -> Integers:
        """For each window of the reference its cell's counts without its own: what it is calibrated against."""
        return self._sums(self._hours) - self._counts

    def _sums(self, hours: Integers) -> Integers:
        found = np.broadcast_to(self._counts.sum(axis=0), (len(hours), self._counts.shape[1])).copy()
        for period in (HOURS_A_DAY, HOURS_A_WEEK):  # the narrower one last: it counts where it has enough
            cell = self._hours % period
            sums = np.zeros((period, self._counts.shape[1]), dtype=np.int64)
            np.add.at(sums, cell, self._counts)
            enough = np.bincount(cell[self._filled], minlength=period) >= LEAST_WINDOWS
            chosen = enough[hours % period]
            found[chosen] = sums[hours % period][chosen]
        return found
