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
    """The references of many streams by cell, from windows that follow each other without a gap.

    `counts` (..., windows, buckets), zero where a window has nothing; `first`: the number of the first since the epoch.
    """

    def __init__(self, counts: Integers, first: int, periods: tuple[int, ...] = HOURLY) -> None:
        self._counts = counts
        self._first = first
        self._filled = counts.sum(axis=-1, keepdims=True) > 0
        self._periods = periods

    def of(self, windows: Integers) -> Integers:
        """The reference's counts for windows of these numbers, with shape (..., windows, buckets)."""
        return self._sums(windows)[0]

    def cells(self) -> tuple[Integers, Integers]:
        """The reference of each window of the longest period, and by which of the periods it matches (..., period).

        A match is the place in `periods`; their number means that all windows were taken.
        """
        return self._sums(np.arange(self._periods[0]))

    def of_itself(self) -> Integers:
        """For each window of the reference its cell's counts without its own: what it is calibrated against."""
        return self._sums(self._first + np.arange(self._counts.shape[-2]))[0] - self._counts

    def _sums(self, windows: Integers) -> tuple[Integers, Integers]:
        before = self._counts.shape[:-2]
        whole = self._counts.sum(axis=-2, keepdims=True)
        found = np.broadcast_to(whole, (*before, len(windows), whole.shape[-1])).copy()
        match = np.full((*before, len(windows)), len(self._periods))
        for place, period in reversed(list(enumerate(self._periods))):  # the narrowest last: it counts if it has enough
            enough = self._by(period, self._filled)[..., 0] >= LEAST_WINDOWS
            chosen = enough[..., windows % period]
            found = np.where(chosen[..., None], self._by(period, self._counts)[..., windows % period, :], found)
            match[chosen] = place
        return found, match

    def _by(self, period: int, values: np.ndarray) -> Integers:
        """The sums of values (..., windows, k) over windows of the same number modulo the period."""
        missing = -values.shape[-2] % period
        none = [(0, 0)] * (values.ndim - 2)
        whole = np.pad(values, [*none, (0, missing), (0, 0)]) if missing else values
        shape = (*values.shape[:-2], -1, period, values.shape[-1])
        return np.asarray(np.roll(whole.reshape(shape).sum(axis=-3), self._first % period, axis=-2))
