"""NannyML 0.13's univariate distances on raw values, for continuous and for categorical columns.

Its alerts need thresholds, which it takes from the reference's chunks: `upper_threshold` makes one of their distances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.compare import Sample
from deadreckon.drift.distances import contingency, hellinger, jensen_shannon, ks, wasserstein
from deadreckon.drift.distances.l_infinity import l_infinity
from deadreckon.drift.distances.steps import steps
from deadreckon.drift.parity.verdict import Verdict
from deadreckon.drift.sample import Categories, Numbers, side_by_side

BINS: Final = 10_000
"""A reference of so many rows is put into as many equal bins before KS and Wasserstein."""


def verdicts(reference: Sample, current: Sample) -> list[Verdict]:
    """Its distances; whether they alarm depends on the reference's chunks.

    Raises:
        TypeError: the samples are no raw values: its definitions need those.
    """
    if isinstance(reference, Categories) and isinstance(current, Categories):
        _, p, q = side_by_side(reference, current)
        known = p > 0
        cells = _with_the_rest(p[known], q[known], int(q[~known].sum()))
        found = {"l_infinity": l_infinity(p, q), "chi2": _chi_square(p, q)}
    elif isinstance(reference, Numbers) and isinstance(current, Numbers):
        edges = np.histogram_bin_edges(reference.values, "doane")
        r, c = (np.histogram(side.values, edges)[0] for side in (reference, current))
        cells = _with_the_rest(r, c, current.n - int(c.sum()))
        found = dict(
            zip(("kolmogorov_smirnov", "wasserstein"), _by_functions(reference.values, current.values), strict=True)
        )
    else:
        raise TypeError("NannyML's bins are made from raw values")
    found |= {"jensen_shannon": jensen_shannon.of_shares(*cells), "hellinger": hellinger.of_shares(*cells)}
    return [Verdict(method, value) for method, value in found.items()]


def upper_threshold(chunks: Sequence[float]) -> float:
    """Its default threshold: mean + 3 standard deviations of the reference's chunks' distances from the reference."""
    return float(np.nanmean(chunks) + 3 * np.nanstd(chunks))


def _with_the_rest(p: Integers, q: Integers, rest: int) -> tuple[Floats, Floats]:
    """Shares, with a cell more for all that the reference has no cell for."""
    return np.append(p, 0) / p.sum(), np.append(q, rest) / (q.sum() + rest)


def _chi_square(p: Integers, q: Integers) -> float:
    """Pearson's statistic, with Yates' correction where there are two values."""
    if len(p) != 2:
        return contingency.chi_square(p, q).statistic
    table = np.stack([p, q]).astype(np.float64)
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    off = np.abs(table - expected)
    return float(np.sum((off - np.minimum(0.5, off)) ** 2 / expected))


def _by_functions(reference: Floats, current: Floats) -> tuple[float, float]:
    if len(reference) < BINS:
        grid, difference = steps(reference, current)
        return ks.exact(difference), wasserstein.exact(grid, difference)
    counts, edges = np.histogram(reference, BINS)
    low, high = float(edges[0]), float(edges[-1])
    f = np.cumsum(counts) / len(reference)
    below, above = current[current < low], current[current > high]
    inside = np.histogram(current, edges)[0]
    # Where anything lies below the reference, it counts one row more of it in Wasserstein than in KS.
    g = (np.cumsum(inside) + len(below)) / len(current)
    g_moved = (np.cumsum(inside) + len(below) + (len(below) > 0)) / len(current)
    area = float(np.sum(np.abs(f - g_moved)) * (edges[1] - edges[0]))
    beyond = (np.sum(low - below) + np.sum(above - high)) / len(current)
    return float(np.max(np.abs(f - g))), area + float(beyond)
