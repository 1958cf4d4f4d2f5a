"""How far each window is from its reference, in four ways: numbers by size, categories by value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Floats, Integers

NUMERIC: Final = ("ks", "wasserstein", "hellinger", "tails")
CATEGORICAL: Final = ("total_variation", "l_infinity", "hellinger", "new_values")
FLOORS: Final = {
    "ks": 0.05,
    "wasserstein": 0.1,
    "hellinger": 0.05,
    "tails": 0.01,
    "total_variation": 0.1,
    "l_infinity": 0.05,
    "new_values": 0.001,
}
"""Effects smaller than these are no drift, however certain; Wasserstein's is in robust standard deviations."""
TAIL: Final = 0.02


@dataclass(frozen=True, slots=True)
class Scored:
    """Windows by score: `z` grows with n and is what is calibrated, `effect` does not and is what a person judges.

    Both have shape (..., 4), as the windows that were scored; a window without values has NaN.
    """

    names: tuple[str, ...]
    z: Floats
    effect: Floats

    @property
    def large_enough(self) -> np.ndarray:
        """Which effects reach their floor."""
        floors = np.array([FLOORS[name] for name in self.names])
        return self.effect >= floors


def numeric(reference: Integers, current: Integers, middle: Floats, scale: Floats | float, lasts: Integers) -> Scored:
    """Score windows of counts (..., buckets ascending) against references of the same shape.

    `middle`: a value for each bucket; `scale`: what Wasserstein is divided by, greater than 0; `lasts`: the last bucket
    of each of the 10 to 20 groups that Hellinger is taken over, as over many it would be mostly noise. All are
    broadcast: one for all windows, or for each stream or window its own.
    """
    p, q, n = _shares(reference, current)
    f, g = np.cumsum(p, axis=-1), np.cumsum(q, axis=-1)
    apart = np.abs(f - g)
    ks = np.max(apart, axis=-1)
    moved = np.sum(apart[..., :-1] * np.diff(middle), axis=-1) / scale
    # The buckets that the reference's 2 % and 98 % points end: what lies below the one and above the other.
    low = np.argmax(f >= TAIL, axis=-1, keepdims=True)
    high = np.argmax(f >= 1 - TAIL, axis=-1, keepdims=True)
    tails = np.maximum(*(np.take_along_axis(apart, point, axis=-1)[..., 0] for point in (low, high)))
    ends = np.broadcast_to(lasts, (*f.shape[:-1], np.shape(lasts)[-1]))
    coarse = (np.diff(np.take_along_axis(side, ends, axis=-1), axis=-1, prepend=0.0) for side in (f, g))
    squared = _hellinger_squared(*(np.maximum(side, 0.0) for side in coarse))
    return _scored(NUMERIC, n, ks, moved, squared, tails)


def categorical(reference: Integers, current: Integers, new: Integers) -> Scored:
    """Score windows of counts (..., values) against references of the same shape; `new`: values it never had."""
    p, q, n = _shares(reference, current)
    apart = np.abs(p - q)
    with np.errstate(invalid="ignore"):
        unseen = new / n
    return _scored(CATEGORICAL, n, apart.sum(axis=-1) / 2, apart.max(axis=-1), _hellinger_squared(p, q), unseen)


def _shares(reference: Integers, current: Integers) -> tuple[Floats, Floats, Floats]:
    n = current.sum(axis=-1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return reference / reference.sum(axis=-1, keepdims=True), current / n[..., None], n


def _hellinger_squared(p: Floats, q: Floats) -> Floats:
    return np.asarray(np.maximum(0.0, 1 - np.sum(np.sqrt(p * q), axis=-1)))


def _scored(names: tuple[str, ...], n: Floats, one: Floats, two: Floats, squared: Floats, four: Floats) -> Scored:
    root = np.sqrt(n)
    z = np.stack([root * one, root * two, n * squared, root * four], axis=-1)
    return Scored(names, z, np.stack([one, two, np.sqrt(squared), four], axis=-1))
