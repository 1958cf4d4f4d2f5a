"""How far figures of two samples can be from those of all there could have been: 95 % intervals, and of differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

Z: Final = 1.959964
"""Of the normal distribution: 95 % lie within so many standard deviations."""
LEAST: Final = 10
"""Values under which no interval of a mean is given: the normal distribution is no guide for fewer."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure of one sample: from how many values, and between which bounds; None where that cannot be said."""

    n: int
    value: float | None
    low: float | None = None
    high: float | None = None


def rate(hits: int, n: int) -> Estimate:
    """A share of n, with Wilson's interval, which holds for few cases and for none (Wilson 1927)."""
    if n == 0:
        return Estimate(0, None)
    p = hits / n
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return Estimate(n, p, max(centre - half, 0.0), min(centre + half, 1.0))


def mean(n: int, value: float | None, sd: float | None) -> Estimate:
    """A mean, with the normal interval of its standard error; none for fewer than `LEAST` values."""
    if value is None or sd is None or n < LEAST:
        return Estimate(n, value)
    half = Z * sd / math.sqrt(n)
    return Estimate(n, value, value - half, value + half)


def difference(a: Estimate, b: Estimate) -> tuple[float, float] | None:
    """Between which bounds b - a lies, from the intervals of both (Newcombe 1998, method 10; for means it is Welch's).

    None where an interval is unknown. For quantiles it is wider than it had to be where their intervals are lopsided.
    """
    if a.value is None or a.low is None or a.high is None or b.value is None or b.low is None or b.high is None:
        return None
    by = b.value - a.value
    return (
        by - math.hypot(b.value - b.low, a.high - a.value),
        by + math.hypot(b.high - b.value, a.value - a.low),
    )
