"""A stream's grid: its reference's buckets put into at most 64 groups, and what lies outside of them in one more each.

With a grid all windows of all streams are one dense array, which is scored without a loop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from deadreckon.drift import buckets
from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.distances import wasserstein
from deadreckon.drift.groups import GROUPS

INNER: Final = 64
WIDTH: Final = INNER + 2
COARSE: Final = GROUPS + 2
FAR: Final = 2**30
"""More than any key."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`upper`: each group's last key, the first group holding what lies below the reference; FAR after the last.

    `middle`: a value for each group; `low`, `high`: what its values lie between; `scale`: a robust standard deviation;
    `lasts`: the last group of each of about twenty. All are padded to WIDTH (COARSE).
    """

    upper: Integers
    middle: Floats
    low: Floats
    high: Floats
    scale: float
    lasts: Integers


def fit(keys: Integers, counts: Integers, origin: float, scale: int) -> Grid:
    """The grid of a reference: its distinct keys, ascending, and how many values each holds."""
    last = _ends(counts, INNER)
    first = np.append(0, last[:-1] + 1)
    low, high = buckets.bounds(keys, origin, scale)
    middle = (low + high) / 2
    mass = np.add.reduceat(counts, first)
    mean = np.add.reduceat(counts * middle, first) / mass
    spread = wasserstein.robust_scale_binned(counts, middle) or abs(float(middle[0])) / 100 or 1.0
    upper = np.full(WIDTH, FAR, dtype=np.int64)
    upper[: len(last) + 1] = np.append(keys[0] - 1, keys[last])
    lasts = np.full(COARSE, WIDTH - 1, dtype=np.int64)
    coarse = np.append(0, _ends(mass, GROUPS) + 1)
    lasts[: len(coarse)] = coarse
    return Grid(
        upper,
        _padded(middle[0], mean, middle[-1]),
        _padded(low[0], low[first], high[-1]),
        _padded(low[0], high[last], high[-1]),
        spread,
        lasts,
    )


def place(upper: Integers, row: Integers, key: Integers) -> Integers:
    """The group of each key in the grid of its row: `upper` has shape (rows, WIDTH)."""
    stride = 4 * FAR
    flat = (upper + np.arange(len(upper))[:, None] * stride).ravel()
    return np.asarray(np.searchsorted(flat, row * stride + key) - row * upper.shape[1], dtype=np.int64)


def at_scale(key: Integers, scale: Integers, wanted: Integers) -> Integers:
    """Keys of one scale as keys of another: exact towards coarser, the last of the finer ones else."""
    found = key.copy()
    here = np.broadcast_to(scale, key.shape).copy()
    goal = np.broadcast_to(wanted, key.shape)
    while (above := here > goal).any():
        for level in np.unique(here[above]):
            chosen = above & (here == level)
            found[chosen] = buckets.coarser(found[chosen], int(level))
        here[above] -= 1
    while (below := here < goal).any():
        for level in np.unique(here[below]):
            chosen = below & (here == level)
            found[chosen] = buckets.finer(found[chosen], int(level))
        here[below] += 1
    return found


def _ends(counts: Integers, groups: int) -> Integers:
    """The last place of each of at most so many groups of about equal mass."""
    if len(counts) <= groups:
        return np.arange(len(counts))
    upto = np.cumsum(counts)
    wanted = (np.arange(1, groups + 1) * upto[-1] + groups - 1) // groups
    return np.unique(np.searchsorted(upto, wanted))


def _padded(first: float, inner: Floats, last: float) -> Floats:
    found = np.full(WIDTH, last, dtype=np.float64)
    found[0], found[1 : len(inner) + 1] = first, inner
    return found
