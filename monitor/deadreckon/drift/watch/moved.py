"""Which values moved, told from a window's counts and its reference's: what an alert says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.distances.shares import shares
from deadreckon.drift.watch.calibrate import NEW, OTHER
from deadreckon.drift.watch.calibrations import Calibrations

MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Moved:
    """Values above `low` and up to `high` (None: without end), or a category; their share before and after."""

    value: str | None
    low: float | None
    high: float | None
    reference: float
    current: float


def numbers(used: Calibrations, row: int, reference: Integers, current: Integers) -> tuple[Moved, ...]:
    """The parts of a numeric stream with most of the change, the greatest first."""
    ends = np.unique(used.lasts[row])
    first = np.append(0, ends[:-1] + 1)
    p, q = (np.add.reduceat(shares(side), first) for side in (reference, current))
    low, high = used.low[row][first], used.high[row][ends]
    last = len(ends) - 1
    return tuple(
        Moved(
            None,
            None if i == 0 else float(low[i]),
            None if i == last else float(high[i]),
            float(p[i]),
            float(q[i]),
        )
        for i in _most(q - p)
    )


def categories(names: Sequence[str], reference: Integers, current: Integers) -> tuple[Moved, ...]:
    """The same of a categorical stream; `names`: those of its frequent values, by column."""
    p, q = shares(reference), shares(current)
    called = {OTHER: "(rare values)", NEW: "(values that the reference does not have)"}
    return tuple(Moved(called.get(i) or names[i], None, None, float(p[i]), float(q[i])) for i in _most(q - p))


def _most(change: np.ndarray) -> list[int]:
    order = np.argsort(-np.abs(change), kind="stable")[:MOST]
    return [int(i) for i in order if change[i]]
