"""Two samples compared in every way at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

from deadreckon.drift import buckets, groups
from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.distances import contingency, ks, wasserstein
from deadreckon.drift.distances.hellinger import hellinger
from deadreckon.drift.distances.jensen_shannon import jensen_shannon
from deadreckon.drift.distances.kullback_leibler import kl
from deadreckon.drift.distances.l_infinity import l_infinity
from deadreckon.drift.distances.psi import psi
from deadreckon.drift.distances.steps import steps
from deadreckon.drift.distances.total_variation import total_variation
from deadreckon.drift.sample import Categories, Histogram, Numbers, aligned, side_by_side

Sample: TypeAlias = Numbers | Histogram | Categories


@dataclass(frozen=True, slots=True)
class Distance:
    """One distance: exact when `low` and `high` are equal, else certain to lie between them."""

    name: str
    value: float
    low: float
    high: float
    p_value: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the values, and how many of each side are in it: what a before-and-after histogram shows."""

    label: str
    reference: int
    current: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """All distances of a current sample from a reference, and the groups that the divergences were taken over."""

    kind: Literal["numeric", "categorical"]
    n_reference: int
    n_current: int
    distances: tuple[Distance, ...]
    groups: tuple[Group, ...]

    def __getitem__(self, name: str) -> float:
        """The value of a distance by its name."""
        return next(d.value for d in self.distances if d.name == name)


def compare(reference: Sample, current: Sample) -> Comparison:
    """Every distance that is defined for these two.

    Raises:
        ValueError: a side has no value, or they are not of one kind.
    """
    if not reference.n or not current.n:
        raise ValueError(f"the {'current side' if reference.n else 'reference'} has no value to compare")
    if isinstance(reference, Numbers) and isinstance(current, Numbers):
        inner = groups.edges(reference.values)
        p, q = groups.grouped(reference.values, inner), groups.grouped(current.values, inner)
        return _comparison("numeric", list(_of_numbers(reference.values, current.values)), _labels(inner), p, q)
    if isinstance(reference, Histogram) and isinstance(current, Histogram):
        keys, fine_p, fine_q = aligned(reference, current)
        low, high = _clipped(keys, reference, current)
        p, q, last = groups.bucket_groups(fine_p, fine_q)
        return _comparison("numeric", list(_of_buckets(fine_p, fine_q, low, high)), _labels(high[last][:-1]), p, q)
    if isinstance(reference, Categories) and isinstance(current, Categories):
        names, p, q = side_by_side(reference, current)
        return _comparison("categorical", [], list(names), p, q)
    raise ValueError(f"{type(reference).__name__} cannot be compared with {type(current).__name__}")


def _of_numbers(reference: Floats, current: Floats) -> Iterator[Distance]:
    grid, difference = steps(reference, current)
    d = ks.exact(difference)
    yield Distance("ks", d, d, d, ks.p_value(d, len(reference), len(current)))
    moved = wasserstein.exact(grid, difference)
    yield Distance("wasserstein", moved, moved, moved, unit="as the values")
    scale = wasserstein.robust_scale(reference)
    if scale > 0:
        yield Distance("wasserstein_scaled", moved / scale, moved / scale, moved / scale, unit="robust sd")


def _of_buckets(p: Integers, q: Integers, low: Floats, high: Floats) -> Iterator[Distance]:
    least, most = ks.bracket(p, q)
    yield Distance("ks", least, least, most, ks.p_value(least, int(p.sum()), int(q.sum())))
    moved, at_least, at_most = wasserstein.bracket(p, q, low, high)
    yield Distance("wasserstein", moved, at_least, at_most, unit="as the values")
    scale = wasserstein.robust_scale_binned(p, (low + high) / 2)
    if scale > 0:
        yield Distance("wasserstein_scaled", moved / scale, at_least / scale, at_most / scale, unit="robust sd")


def _of_counts(p: Integers, q: Integers) -> Iterator[Distance]:
    chi, g = contingency.chi_square(p, q), contingency.g_test(p, q)
    for name, value, p_value, unit in (
        ("psi", psi(p, q), None, "nats"),
        ("kl", kl(p, q), None, "nats"),
        ("jensen_shannon", jensen_shannon(p, q), None, ""),
        ("hellinger", hellinger(p, q), None, ""),
        ("total_variation", total_variation(p, q), None, ""),
        ("l_infinity", l_infinity(p, q), None, ""),
        ("chi_square", chi.statistic, chi.p_value, f"{chi.freedom} degrees of freedom"),
        ("cramers_v", contingency.cramers_v(p, q), None, ""),
        ("g_test", g.statistic, g.p_value, f"{g.freedom} degrees of freedom"),
    ):
        yield Distance(name, value, value, value, p_value, unit)


def _clipped(keys: Integers, reference: Histogram, current: Histogram) -> tuple[Floats, Floats]:
    """The buckets' bounds, no further out than the values are."""
    low, high = buckets.bounds(keys, reference.origin)
    least, most = min(reference.min, current.min), max(reference.max, current.max)
    return np.clip(low, least, most), np.clip(high, least, most)


def _labels(inner: Floats) -> list[str]:
    """Names for the groups that these edges make."""
    if not len(inner):
        return ["all"]
    text = [f"{edge:.6g}" for edge in inner]
    return [f"to {text[0]}", *(f"{low} to {high}" for low, high in pairwise(text)), f"over {text[-1]}"]


def _comparison(
    kind: Literal["numeric", "categorical"], distances: list[Distance], labels: list[str], p: Integers, q: Integers
) -> Comparison:
    seen = p + q > 0
    shown = [Group(name, int(a), int(b)) for name, a, b in zip(labels, p, q, strict=True) if a + b]
    distances += _of_counts(p[seen], q[seen])
    return Comparison(kind, int(p.sum()), int(q.sum()), tuple(distances), tuple(shown))
