"""The references of many streams, calibrated: arrays with a row for each, in the layout that windows are scored in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np

from deadreckon.drift import buckets
from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.detector.calibration import LEAST, RANKS, tail_limits
from deadreckon.drift.watch.grid import COARSE, FAR, WIDTH

Kind: TypeAlias = Literal["numeric", "categorical"]
KINDS: Final[tuple[Kind, ...]] = ("numeric", "categorical")
SCORES: Final = 4


@dataclass(frozen=True, slots=True)
class Calibrations:
    """One row for each stream.

    `windows`: of the reference that hold enough values, or that were drawn from it (`drawn`); with fewer than LEAST the
    levels are infinite, and nothing can be said of the stream. `n`: the reference's values, in whatever windows.
    """

    windows: Integers
    drawn: np.ndarray
    n: Integers
    lag: Integers
    levels: Floats
    rho: Floats
    mean: Floats
    sd: Floats
    tau: Floats
    upper: Integers
    middle: Floats
    low: Floats
    high: Floats
    scale: Floats
    lasts: Integers
    origin: Floats
    bucket_scale: Integers

    def __len__(self) -> int:
        """How many streams there are."""
        return len(self.windows)

    @classmethod
    def empty(cls, streams: int) -> Calibrations:
        """Of streams of which nothing is known."""
        tall = (streams, SCORES)
        return cls(
            windows=np.zeros(streams, dtype=np.int64),
            drawn=np.zeros(streams, dtype=bool),
            n=np.zeros(streams, dtype=np.int64),
            lag=np.ones(streams, dtype=np.int64),
            levels=np.full((*tall, len(RANKS)), np.inf),
            rho=np.zeros(tall),
            mean=np.zeros(tall),
            sd=np.zeros(tall),
            tau=np.ones(tall),
            upper=np.full((streams, WIDTH), FAR, dtype=np.int64),
            middle=np.zeros((streams, WIDTH)),
            low=np.zeros((streams, WIDTH)),
            high=np.zeros((streams, WIDTH)),
            scale=np.ones(streams),
            lasts=np.full((streams, COARSE), WIDTH - 1, dtype=np.int64),
            origin=np.zeros(streams),
            bucket_scale=np.zeros(streams, dtype=np.int64),
        )

    def take(self, rows: Integers) -> Calibrations:
        """Those of these rows, in their order."""
        return Calibrations(*(getattr(self, f.name)[rows] for f in fields(self)))

    @property
    def calibrated(self) -> np.ndarray:
        """Which streams have a calibration."""
        return self.windows >= LEAST

    def outside(self, stream: Integers, key: Integers) -> Floats:
        """How far, at most, the values of each key (at its stream's scale) lie outside of the stream's reference."""
        found = np.zeros(len(key))
        last = np.where(self.upper == FAR, -FAR, self.upper).max(axis=1)
        beyond = (key <= self.upper[stream, 0]) | (key > last[stream])
        for scale in np.unique(self.bucket_scale[stream[beyond]]):
            chosen = np.flatnonzero(beyond & (self.bucket_scale[stream] == scale))
            of = stream[chosen]
            low, high = buckets.bounds(key[chosen], 0.0, int(scale))
            low, high = low + self.origin[of], high + self.origin[of]
            found[chosen] = np.maximum(self.low[of, 0] - low, high - self.high[of, -1])
        return found

    def limits(self, fleet: int) -> Floats:
        """The limits of the levels' tails (streams, scores, ranks) in a fleet of so many; 1 where there is no level."""
        found = np.ones_like(self.levels)
        known = np.isfinite(self.levels[:, 0]).sum(axis=1)
        for count in np.unique(known[known > 0]):
            rows = np.flatnonzero(known == count)
            # Rounded up: no less is sure then, and streams that are about alike are computed once.
            tau = np.ceil(self.tau[rows] * 8) / 8
            pairs = np.stack([np.repeat(self.windows[rows], SCORES).astype(np.float64), tau.ravel()], axis=1)
            distinct, which = np.unique(pairs, axis=0, return_inverse=True)
            made = _limits(tuple(map(tuple, distinct.tolist())), int(count), max(fleet, 1))
            found[rows, :, :count] = made[which.ravel()].reshape(len(rows), SCORES, count)
        return found


@lru_cache(maxsize=64)
def _limits(pairs: tuple[tuple[float, float], ...], count: int, fleet: int) -> Floats:
    """Limits by windows and tau: from window to window they are the same."""
    given = np.array(pairs)
    return tail_limits(given[:, :1], given[:, 1:], RANKS[:count], fleet)


def joined(parts: Iterable[Calibrations]) -> Calibrations:
    """Several, one after the other."""
    listed = list(parts)
    return Calibrations(*(np.concatenate([getattr(p, f.name) for p in listed]) for f in fields(Calibrations)))
