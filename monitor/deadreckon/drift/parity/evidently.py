"""Evidently 0.7's distances on raw values, for columns read as numeric or as categorical.

Cells: Sturges bins of both sides together where the reference has more than 20 distinct numbers, else a cell per value.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import rel_entr

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.compare import Sample
from deadreckon.drift.distances import wasserstein
from deadreckon.drift.distances.jensen_shannon import of_shares
from deadreckon.drift.distances.shares import shares
from deadreckon.drift.distances.steps import steps
from deadreckon.drift.parity.verdict import Verdict
from deadreckon.drift.sample import Categories, Numbers, side_by_side

THRESHOLD: Final = 0.1
FEW: Final = 20
LEAST_DEVIATION: Final = 0.001


def verdicts(reference: Sample, current: Sample) -> list[Verdict]:
    """Its distances with its default threshold.

    Raises:
        TypeError: the samples are no raw values: its definitions need those.
    """
    numeric = isinstance(reference, Numbers) and isinstance(current, Numbers)
    p, q = map(shares, _cells(reference, current))
    found = {"psi": psi(p, q), "kl_div": kl(p, q), "jensenshannon": of_shares(p, q, base=np.e)}
    if numeric:
        found["wasserstein"] = normed_wasserstein(reference.values, current.values)  # type: ignore[union-attr]
    return [Verdict(method, value, THRESHOLD) for method, value in found.items()]


def normed_wasserstein(reference: Floats, current: Floats) -> float:
    """W1 of sorted numbers over the reference's standard deviation, which counts as 0.001 at least."""
    return wasserstein.exact(*steps(reference, current)) / max(float(np.std(reference)), LEAST_DEVIATION)


def psi(p: Floats, q: Floats) -> float:
    """PSI of shares whose zeros are filled; they are not scaled back to a sum of 1."""
    p, q = _filled(p), _filled(q)
    return float(np.sum((p - q) * np.log(p / q)))


def kl(p: Floats, q: Floats) -> float:
    """KL(reference || current) of filled shares, each scaled back to a sum of 1."""
    p, q = _filled(p), _filled(q)
    return float(np.sum(rel_entr(p / p.sum(), q / q.sum())))


def _filled(p: Floats) -> Floats:
    least = float(p[p > 0].min())
    return np.where(p == 0, least / 1_000_000 if least <= 0.0001 else 0.0001, p)


def _cells(reference: Sample, current: Sample) -> tuple[Integers, Integers]:
    if isinstance(reference, Categories) and isinstance(current, Categories):
        return side_by_side(reference, current)[1:]
    if not (isinstance(reference, Numbers) and isinstance(current, Numbers)):
        raise TypeError("Evidently's cells are made from raw values")
    r, c = reference.values, current.values
    both = np.concatenate([r, c])
    if len(np.unique(r)) > FEW:
        edges = np.histogram_bin_edges(both, "sturges")
        return np.histogram(r, edges)[0], np.histogram(c, edges)[0]
    values = np.unique(both)
    found = [np.searchsorted(side, values, "right") - np.searchsorted(side, values, "left") for side in (r, c)]
    return found[0], found[1]
