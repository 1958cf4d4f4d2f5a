"""What is compared: numbers as they are, numbers in buckets, or categories; each with what could not be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from deadreckon.drift import buckets
from deadreckon.drift.buckets import Floats, Integers


@dataclass(frozen=True, slots=True)
class Numbers:
    """Finite numbers, sorted, and how many values were none."""

    values: Floats
    n_null: int = 0
    n_nan: int = 0
    n_posinf: int = 0
    n_neginf: int = 0
    n_other: int = 0
    """Values of another type: text where numbers are expected."""

    @classmethod
    def of(cls, values: Iterable[float] | Floats, *, n_null: int = 0, n_other: int = 0) -> Numbers:
        """Sort out numbers that are not finite."""
        given = np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64)
        finite = np.sort(given[np.isfinite(given)])
        nan, up, down = (int(np.count_nonzero(found)) for found in (np.isnan(given), given == np.inf, given == -np.inf))
        return cls(finite, n_null, nan, up, down, n_other)

    @property
    def n(self) -> int:
        """How many numbers are compared."""
        return len(self.values)

    def binned(self, origin: float = 0.0) -> Histogram:
        """The same numbers in buckets."""
        key, count = np.unique(buckets.keys(self.values, origin), return_counts=True)
        low, high = (float(self.values[0]), float(self.values[-1])) if self.n else (np.nan, np.nan)
        return Histogram(key, count.astype(np.int64), origin, low, high)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts by bucket (see `buckets`): keys ascending, all counts above 0, and the exact extremes."""

    keys: Integers
    counts: Integers
    origin: float
    min: float
    max: float

    @property
    def n(self) -> int:
        """How many numbers were counted."""
        return int(self.counts.sum())

    def merged(self, other: Histogram) -> Histogram:
        """Both together: exact, whatever the order. Both must have one origin.

        Raises:
            ValueError: they have not, and their buckets hold different values.
        """
        if self.origin != other.origin:
            raise ValueError(f"buckets from origins {self.origin} and {other.origin} cannot be merged")
        key, where = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        count = np.zeros(len(key), dtype=np.int64)
        np.add.at(count, where, np.concatenate([self.counts, other.counts]))
        low, high = np.fmin(self.min, other.min), np.fmax(self.max, other.max)
        return Histogram(key, count, self.origin, float(low), float(high))


@dataclass(frozen=True, slots=True)
class Categories:
    """How often each value was seen."""

    counts: Mapping[str, int] = field(default_factory=dict)
    n_null: int = 0

    @classmethod
    def of(cls, values: Iterable[str | None]) -> Categories:
        """Count values; None is no value."""
        counts: dict[str, int] = {}
        null = 0
        for value in values:
            if value is None:
                null += 1
            else:
                counts[value] = counts.get(value, 0) + 1
        return cls(counts, null)

    @property
    def n(self) -> int:
        """How many values are compared."""
        return sum(self.counts.values())


def side_by_side(reference: Categories, current: Categories) -> tuple[tuple[str, ...], Integers, Integers]:
    """The values of both, sorted, with the counts of each on either side."""
    names = tuple(sorted({*reference.counts, *current.counts}))
    p, q = (np.array([side.counts.get(name, 0) for name in names], dtype=np.int64) for side in (reference, current))
    return names, p, q


def aligned(reference: Histogram, current: Histogram) -> tuple[Integers, Integers, Integers]:
    """The buckets of both, ascending, with the counts of each on either side.

    Raises:
        ValueError: they have different origins.
    """
    keys = reference.merged(current).keys
    p, q = np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=np.int64)
    p[np.searchsorted(keys, reference.keys)] = reference.counts
    q[np.searchsorted(keys, current.keys)] = current.counts
    return keys, p, q
