"""Tests on the table of two rows, reference and current, and a column for each value: the reference is a sample too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, xlogy

from deadreckon.drift.buckets import Floats, Integers


@dataclass(frozen=True, slots=True)
class Test:
    """A statistic, its degrees of freedom, and the probability of one as large when nothing differs."""

    statistic: float
    freedom: int
    p_value: float


def chi_square(reference: Integers, current: Integers) -> Test:
    """Pearson's chi-square of homogeneity, without Yates' correction."""
    table, expected = _table(reference, current)
    return _test(float(np.sum((table - expected) ** 2 / expected)), table)


def g_test(reference: Integers, current: Integers) -> Test:
    """The likelihood ratio test of homogeneity, 2 sum O ln(O / E)."""
    table, expected = _table(reference, current)
    return _test(max(0.0, 2 * float(np.sum(xlogy(table, table / expected)))), table)


def cramers_v(reference: Integers, current: Integers) -> float:
    """How strongly value and side go together, 0 to 1: chi-square freed from the number of values (Cramer, 1946)."""
    found = chi_square(reference, current)
    return float(np.sqrt(found.statistic / (reference.sum() + current.sum())))


def _table(reference: Integers, current: Integers) -> tuple[Floats, Floats]:
    table = np.stack([reference, current]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    return table, np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()


def _test(statistic: float, table: Floats) -> Test:
    freedom = table.shape[1] - 1
    return Test(statistic, freedom, float(chdtrc(freedom, statistic)) if freedom else 1.0)
