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
ALONE: Final = 0.025
"""The share of a value that Hellinger tells from the others; where few are expected it measures n, not a change."""
FREQUENT: Final = 3
"""Categories, the first ones, whose shares say where a window lies."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Windows by score: `effect` is what a person judges, `z` grows with n and is what is calibrated.

    All have shape (..., 4), as the windows that were scored; a window without values has NaN. `n`, with shape (..., 1):
    how many values' distance from the truth varies as that of the window from its reference, which is a sample too.
    `places` (..., any): on which side of the reference a window lies, and how far, in deviations.
    """

    names: tuple[str, ...]
    n: Floats
    effect: Floats
    places: Floats

    @property
    def floors(self) -> Floats:
        """The smallest effect, by score, that is drift."""
        return np.array([FLOORS[name] for name in self.names])

    @property
    def z(self) -> Floats:
        """The effects, larger where they are surer."""
        return self._scaled(self.effect)

    @property
    def beyond(self) -> Floats:
        """The same of what they are beyond their floors.

        All effects keep the triangle inequality: where the truth is under the floor, this is, but for noise, no more
        than `z` would be without any effect.
        """
        return self._scaled(np.maximum(self.effect - self.floors, 0.0))

    @property
    def large_enough(self) -> np.ndarray:
        """Which effects reach their floor."""
        return self.effect >= self.floors

    def _scaled(self, effect: Floats) -> Floats:
        root = np.sqrt(self.n) * effect
        return np.where([name == "hellinger" for name in self.names], root * root, root)


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
    hellinger = _hellinger(*(np.maximum(side, 0.0) for side in coarse))
    rank = f - p / 2 - 0.5
    higher = _dot(q, rank)
    np.abs(rank, out=rank)
    wider = _dot(q, rank) - _dot(p, rank)
    places = np.sqrt(n) * np.stack([higher, wider], axis=-1)
    return Scored(NUMERIC, n, np.stack([ks, moved, hellinger, tails], axis=-1), places)


def categorical(reference: Integers, current: Integers, new: Integers) -> Scored:
    """Score windows of counts (..., values, the frequent first) against references of the same shape.

    `new`: values that the reference never had.
    """
    p, q, n = _shares(reference, current)
    apart = np.abs(p - q)
    with np.errstate(invalid="ignore"):
        unseen = new / current.sum(axis=-1)
        own = p >= ALONE
    rest = [1 - np.sum(side, axis=-1, where=own) for side in (p, q)]
    coarse = [np.append(np.where(own, side, 0.0), left[..., None], -1) for side, left in zip((p, q), rest, strict=True)]
    coarse[1][..., -1] -= unseen
    hellinger = _hellinger(*(np.maximum(side, 0.0) for side in coarse))
    effect = np.stack([apart.sum(axis=-1) / 2, apart.max(axis=-1), hellinger, unseen], axis=-1)
    return Scored(CATEGORICAL, n, effect, np.sqrt(n) * (q - p)[..., :FREQUENT])


def _shares(reference: Integers, current: Integers) -> tuple[Floats, Floats, Floats]:
    n, m = (side.sum(axis=-1, keepdims=True).astype(np.float64) for side in (current, reference))
    with np.errstate(invalid="ignore"):
        return reference / m, current / n, n * m / (n + m)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("...i,...i->...", a, b))  # without an array of the products


def _hellinger(p: Floats, q: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(0.0, 1 - np.sum(np.sqrt(p * q), axis=-1))))
