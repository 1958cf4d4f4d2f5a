"""Buckets: an order-preserving, mergeable grid of stated accuracy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deadreckon.drift import Histogram, Numbers, buckets

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
SAMPLES = st.lists(FINITE, min_size=1, max_size=50)


@given(SAMPLES)
def test_a_bucket_holds_its_values(values: list[float]) -> None:
    """Every value lies between its bucket's bounds, which are 2.19 % apart."""
    given_ = np.array(values)
    key = buckets.keys(given_)
    low, high = buckets.bounds(key)
    # A logarithm that is rounded onto an edge may put a value one ulp outside.
    assert np.all(given_ >= low - np.abs(low) * 1e-12)
    assert np.all(given_ <= high + np.abs(high) * 1e-12)
    wide = np.abs(key) > 0
    ratio = np.abs(high[wide] / low[wide])
    assert np.allclose(np.maximum(ratio, 1 / ratio), 2 ** (1 / 32))


@given(SAMPLES, FINITE)
def test_order_is_kept(values: list[float], origin: float) -> None:
    """A greater value never has a smaller key, from any origin."""
    key = buckets.keys(np.sort(np.array(values)), origin)
    assert np.all(np.diff(key) >= 0)


@given(SAMPLES)
def test_two_buckets_become_one(values: list[float]) -> None:
    """The next coarser buckets are those that the values have at that scale, so that nothing is lost twice."""
    given_ = np.array(values)
    once = buckets.coarser(buckets.keys(given_))
    low, high = buckets.bounds(once, scale=buckets.SCALE - 1)
    fine_low, fine_high = buckets.bounds(buckets.keys(given_))
    assert np.all(low <= fine_low + np.abs(fine_low) * 1e-12)
    assert np.all(high >= fine_high - np.abs(fine_high) * 1e-12)


@pytest.mark.parametrize("power", [-60, -3, 0, 1, 10, 1000])
def test_powers_of_two_end_their_bucket(power: int) -> None:
    """The upper bound belongs to a bucket and the lower one does not, as in OpenTelemetry's histogram."""
    edge = 2.0**power
    at, above = buckets.keys(np.array([edge, np.nextafter(edge, np.inf) * (1 + 1e-9)]))
    assert above == at + 1
    assert buckets.bounds(np.array([at]))[1][0] == edge


def test_zero_and_what_is_as_good_as_zero() -> None:
    """Zeros of both signs, and magnitudes down to 2**-64, are one bucket."""
    assert buckets.keys(np.array([0.0, -0.0, 2.0**-64, -(2.0**-64), 5e-324])).tolist() == [0] * 5


@settings(max_examples=50)
@given(st.lists(SAMPLES, min_size=1, max_size=5), st.randoms())
def test_merging_is_exact_in_any_order(parts: list[list[float]], random: object) -> None:
    """Histograms of parts, merged in any order, are the histogram of the whole."""
    whole = Numbers.of([value for part in parts for value in part]).binned()
    shuffled = list(parts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    merged: Histogram | None = None
    for part in shuffled:
        one = Numbers.of(part).binned()
        merged = one if merged is None else merged.merged(one)
    assert merged is not None
    assert (merged.keys.tolist(), merged.counts.tolist()) == (whole.keys.tolist(), whole.counts.tolist())
    assert (merged.min, merged.max) == (whole.min, whole.max)


def test_other_origins_do_not_merge() -> None:
    """Buckets measured from different origins hold different values: merging them is refused."""
    one, other = Numbers.of([1.0]).binned(), Numbers.of([1.0]).binned(origin=0.5)
    with pytest.raises(ValueError, match=r"0\.0 and 0\.5"):
        one.merged(other)
