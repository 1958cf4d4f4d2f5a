"""Numbers to integer buckets: the base-2 exponential histogram of OpenTelemetry, as one ordered key per bucket.

Bucket `index` at scale s holds the magnitudes in (base**index, base**(index + 1)], base = 2**(2**-s); see "Exponential
Buckets" in OpenTelemetry's metrics data model. Sign and index become one integer, so that a bucket sorts as its values
do, and 0 is the bucket of zero.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

SCALE: Final = 5
"""A bucket is 2.19 % wide: its middle is within 1.08 % of everything in it."""
ZERO_EXPONENT: Final = -64
"""Magnitudes up to 2**-64 count as zero: that far down there is nothing but rounding."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def keys(values: Floats, origin: float = 0.0, scale: int = SCALE) -> Integers:
    """The bucket of each finite value, measured from `origin`; greater values never have a smaller key."""
    distance = values - origin
    size = np.abs(distance)
    held = size > 2.0**ZERO_EXPONENT
    index = np.zeros(len(values), dtype=np.int64)
    index[held] = np.ceil(np.ldexp(np.log2(size[held]), scale)).astype(np.int64) - 1
    # A magnitude just above 2**-64 has its logarithm rounded onto the edge: its bucket is the first all the same.
    rank = np.maximum(index - _first(scale) + 1, 1)
    return np.where(held, np.where(distance < 0, -rank, rank), 0)


def bounds(key: Integers, origin: float = 0.0, scale: int = SCALE) -> tuple[Floats, Floats]:
    """The lowest and the highest value that each bucket can hold."""
    rank = np.abs(key)
    index = rank + _first(scale) - 1
    low, high = np.exp2(np.ldexp(index.astype(np.float64), -scale)), np.exp2(np.ldexp(index + 1.0, -scale))
    zero = 2.0**ZERO_EXPONENT
    low, high = np.where(rank == 0, -zero, low), np.where(rank == 0, zero, high)
    negative = key < 0
    return np.where(negative, -high, low) + origin, np.where(negative, -low, high) + origin


def coarser(key: Integers, scale: int = SCALE) -> Integers:
    """The buckets of the next lower scale: two neighbours become one, exactly."""
    rank = np.abs(key)
    index = (rank + _first(scale) - 1) >> 1
    return np.sign(key) * np.where(rank == 0, 0, index - _first(scale - 1) + 1)


def finer(key: Integers, scale: int = SCALE) -> Integers:
    """The last bucket of the next higher scale that each bucket holds part of its values in."""
    rank = np.abs(key)
    index = (rank + _first(scale) - 1 << 1) + np.where(key < 0, 0, 1)
    return np.sign(key) * np.where(rank == 0, 0, index - _first(scale + 1) + 1)


def _first(scale: int) -> int:
    """The index of the bucket that starts where zero's ends."""
    return ZERO_EXPONENT << scale if scale >= 0 else ZERO_EXPONENT >> -scale
