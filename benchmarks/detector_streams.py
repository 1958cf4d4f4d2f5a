"""Simulated streams: hourly windows as counts, the reference first, drawn from what each window's law is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow.parquet as pq
from scipy.special import ndtr, ndtri

from deadreckon.drift.groups import GROUPS

REFERENCE: Final = 28 * 24
BUCKETS: Final = 64
LASTS: Final = np.append(np.arange(0, BUCKETS, BUCKETS / GROUPS).astype(np.int64), BUCKETS + 1)
"""The last bucket of each of the groups that Hellinger is taken over: outside, about twenty, outside."""
WANDERS: Final = 0.05
SEASON: Final = 0.3
CAR: Final = Path(__file__).parents[1] / "tests" / "fixtures" / "peers" / "car_loan.parquet"

Counts = np.ndarray[Any, np.dtype[np.int64]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Law = Callable[[Floats], Floats]
"""A distribution function."""
Change = Callable[[Law, Floats], Law]
"""What becomes of it, given how many windows have passed since it began."""


@dataclass(frozen=True)
class Streams:
    """Counts (streams, windows, columns), the reference first.

    `middle`: a value for each bucket of numbers; of categories the last column is of values that are new.
    """

    kind: Literal["numeric", "categorical"]
    counts: Counts
    middle: Floats
    reference: int

    @property
    def usual(self) -> Counts:
        """The windows of the reference."""
        return self.counts[:, : self.reference]

    @property
    def current(self) -> Counts:
        """Those after it."""
        return self.counts[:, self.reference :]


def _mean(by: float) -> Change:
    return lambda law, _: lambda x: law(x - by)


def _tail(share: float) -> Change:
    return lambda law, _: lambda x: (1 - share) * law(x) + share * law(x - 6)


def _ramp(law: Law, passed: Floats) -> Law:
    return lambda x: law(x - np.minimum(passed / (14 * 24), 1.0))


NUMBERS: Final[dict[str, Change]] = {
    "mean +0.1 sd": _mean(0.1),
    "mean +0.2 sd": _mean(0.2),
    "mean +0.5 sd": _mean(0.5),
    "mean +1.5 sd": _mean(1.5),
    "scale x1.5": lambda law, _: lambda x: law(x / 1.5),
    "a 2 % tail": _tail(0.02),
    "a 5 % tail": _tail(0.05),
    "unit x1000": lambda law, _: lambda x: law(x / 1000),
    "14 days' ramp to +1 sd": _ramp,
}
CATEGORIES: Final = np.array([0.5, 0.3, 0.15, 0.05, 0.0])
"""Shares of four values that go up and down with the hour of the day, and of those that nobody has seen."""
SHARES: Final[dict[str, Floats]] = {
    "a new category of 1 %": np.append(CATEGORIES[:4] * 0.99, 0.01),
    "two categories swapped": np.array([0.5, 0.15, 0.3, 0.05, 0.0]),
}
NULLS: Final = np.array([0.99, 0.01, 0.0])
"""Not null, null."""
MORE_NULLS: Final = np.array([0.97, 0.03, 0.0])


def numbers(
    rng: np.random.Generator,
    streams: int,
    n: int,
    rho: float,
    windows: int,
    change: Change | None = None,
    *,
    reference: int = REFERENCE,
    wanders: float = WANDERS,
    later: int | None = None,
) -> Streams:
    """Normal values about a level with a daily season that wanders; changed after the reference.

    `later`: values an hour after the reference, where they are not as many as in it.
    """
    total = reference + windows
    at = np.arange(total)
    level = _wandering(rng, streams, total, rho, wanders) + SEASON * np.sin(at * 2 * np.pi / 24)
    # Buckets of about equal mass in a year of such values.
    edges = ndtri(np.linspace(1e-3, 1 - 1e-3, BUCKETS + 1)) * np.sqrt(1 + SEASON**2 / 2 + wanders**2)
    below = ndtr(edges - level[:, :, None])
    if change is not None:
        passed = np.arange(1.0, windows + 1)[:, None]
        shifted = edges - level[:, reference:, None]
        below[:, reference:] = change(lambda x: np.asarray(ndtr(x)), passed)(shifted)
    p = np.diff(below, axis=2, prepend=0.0, append=1.0)
    middle = np.concatenate([[edges[0] - 0.1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 0.1]])
    if change is not None:
        # What lies beyond the last bucket is counted there, as it is in a lake.
        p = np.maximum(p, 0.0)
    return Streams("numeric", _drawn(rng, p, n, reference, later), middle, reference)


def categories(
    rng: np.random.Generator,
    streams: int,
    n: int,
    windows: int,
    usual: Floats,
    changed: Floats | None = None,
    *,
    reference: int = REFERENCE,
) -> Streams:
    """Texts with these shares, of which the first goes up and down by a tenth with the hour of the day."""
    total = reference + windows
    p = np.broadcast_to(usual, (streams, total, len(usual))).copy()
    if changed is not None:
        p[:, reference:] = changed
    season = 0.1 * np.sin(np.arange(total) * 2 * np.pi / 24) * np.minimum(p[..., 0], p[..., 1])
    p[..., 0] += season
    p[..., 1] -= season
    return Streams("categorical", _drawn(rng, p, n, reference, None), np.zeros(0), reference)


def real(rng: np.random.Generator, streams: int, n: int, windows: int, column: str, how: str, changed: bool) -> Streams:
    """Windows of rows of NannyML's car loans: `how` rows are drawn, one by one (permuted) or 50 neighbours at once.

    All are of the reference's period; where it is changed those after the reference are of the period that follows.
    """
    table = pq.read_table(CAR, columns=["period", column])
    period = np.array(table["period"].to_pylist())
    values = np.array(table[column].to_pylist(), dtype=object)
    sides = [values[period == name] for name in ("reference", "analysis")]
    if isinstance(values[0], str):
        kind: Literal["numeric", "categorical"] = "categorical"
        names = np.unique(sides[0].astype(str))
        coded = [np.searchsorted(names, side.astype(str)) for side in sides]
        middle, width = np.zeros(0), len(names) + 1
    else:
        kind = "numeric"
        edges = np.unique(np.quantile(sides[0].astype(np.float64), np.linspace(0, 1, BUCKETS + 1)))
        coded = [np.searchsorted(edges, side.astype(np.float64)) for side in sides]
        middle = np.concatenate([[edges[0]], (edges[1:] + edges[:-1]) / 2, [edges[-1]]])
        width = len(middle)
    block = 1 if how == "permuted" else 50
    parts = []
    for hours, side in ((REFERENCE, coded[0]), (windows, coded[1 if changed else 0])):
        first = rng.integers(0, len(side) - block + 1, size=(streams, hours, n // block, 1))
        drawn = side[(first + np.arange(block)).reshape(streams * hours, -1)]
        flat = np.arange(len(drawn))[:, None] * width + drawn
        counts = np.bincount(flat.ravel(), minlength=len(drawn) * width)
        parts.append(counts.reshape(streams, hours, width).astype(np.int64))
    return Streams(kind, np.concatenate(parts, axis=1), middle, REFERENCE)


def _wandering(rng: np.random.Generator, streams: int, windows: int, rho: float, sd: float) -> Floats:
    level = np.zeros((streams, windows))
    if rho:
        new = rng.normal(0, sd * np.sqrt(1 - rho**2), (streams, windows))
        for t in range(1, windows):
            level[:, t] = rho * level[:, t - 1] + new[:, t]
    return level


def _drawn(rng: np.random.Generator, p: Floats, n: int, reference: int, later: int | None) -> Counts:
    much = np.full(p.shape[1], n)
    much[reference:] = n if later is None else later
    # Shares are of sums that may miss 1 by a rounding error.
    p = p / p.sum(axis=2, keepdims=True)
    return rng.multinomial(np.broadcast_to(much, p.shape[:2]), p)
