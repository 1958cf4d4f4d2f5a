"""Distances against SciPy's, against their definitions, and exact against histograms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import spatial, stats

from deadreckon.drift import Categories, Comparison, Numbers, compare

VALUES = st.lists(
    st.one_of(st.integers(-5, 5).map(float), st.floats(-1e6, 1e6, allow_subnormal=False)), min_size=1, max_size=60
)
COUNTS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8).filter(
    lambda pairs: all(sum(side) for side in zip(*pairs, strict=True))
)


def of_counts(pairs: list[tuple[int, int]]) -> Comparison:
    """Categories with these counts on either side, compared."""
    sides = [{str(i): n for i, n in enumerate(side)} for side in zip(*pairs, strict=True)]
    return compare(Categories(sides[0]), Categories(sides[1]))


@given(VALUES, VALUES)
def test_numbers_by_definition(reference: list[float], current: list[float]) -> None:
    """KS is the largest gap between the two distribution functions, ties and all; Wasserstein is SciPy's."""
    found = compare(Numbers.of(reference), Numbers.of(current))
    grid = [*reference, *current]
    gaps = [np.mean(np.array(reference) <= x) - np.mean(np.array(current) <= x) for x in grid]
    assert found["ks"] == pytest.approx(max(map(abs, gaps)), abs=1e-12)
    expected = stats.wasserstein_distance(reference, current)
    assert found["wasserstein"] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_ks_as_scipy() -> None:
    """D and its probability are SciPy's asymptotic ones."""
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=900), rng.normal(0.05, size=700)
    found = next(d for d in compare(Numbers.of(one), Numbers.of(other)).distances if d.name == "ks")
    expected = stats.ks_2samp(one, other, method="asymp")
    assert found.value == pytest.approx(expected.statistic, abs=1e-12)
    # SciPy takes the distribution for finite n here, ours is its limit.
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.1)


@given(COUNTS)
def test_counts_as_scipy(pairs: list[tuple[int, int]]) -> None:
    """Jensen-Shannon, chi-square, Cramer's V and G are SciPy's."""
    found = of_counts(pairs)
    table = np.array([pair for pair in pairs if sum(pair)]).T
    assert found["jensen_shannon"] == pytest.approx(spatial.distance.jensenshannon(*table, base=2), abs=1e-7)
    if table.shape[1] > 1:
        chi = stats.chi2_contingency(table, correction=False)
        assert found["chi_square"] == pytest.approx(chi.statistic, abs=1e-9)
        assert next(d.p_value for d in found.distances if d.name == "chi_square") == pytest.approx(chi.pvalue)
        assert found["cramers_v"] == pytest.approx(stats.contingency.association(table), abs=1e-9)
        g = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert found["g_test"] == pytest.approx(g.statistic, abs=1e-9)


@given(COUNTS)
def test_what_must_hold_of_any_two(pairs: list[tuple[int, int]]) -> None:
    """Bounds and inequalities that mathematics demands: 0 to 1, H^2 <= TV <= sqrt(2) H, Linf <= TV, PSI >= KL >= 0."""
    found = of_counts(pairs)
    for name in ("jensen_shannon", "hellinger", "total_variation", "l_infinity", "cramers_v"):
        assert -1e-12 <= found[name] <= 1 + 1e-12
    assert found["hellinger"] ** 2 <= found["total_variation"] + 1e-9
    assert found["total_variation"] <= np.sqrt(2) * found["hellinger"] + 1e-9
    assert found["l_infinity"] <= found["total_variation"] + 1e-9
    assert -1e-12 <= found["kl"] <= found["psi"] + 1e-9


@given(COUNTS)
def test_the_same_is_at_no_distance(pairs: list[tuple[int, int]]) -> None:
    """A sample is at distance 0 from itself, and swapping sides changes only what is not symmetric."""
    same = of_counts([(a, a) for a, _ in pairs])
    assert all(d.value == pytest.approx(0, abs=1e-7) for d in same.distances)
    there, back = of_counts(pairs), of_counts([(b, a) for a, b in pairs])
    for name in ("psi", "jensen_shannon", "hellinger", "total_variation", "l_infinity", "chi_square", "g_test"):
        assert there[name] == pytest.approx(back[name], abs=1e-9)


@settings(max_examples=200)
@given(VALUES, VALUES)
def test_histograms_hold_the_exact_values(reference: list[float], current: list[float]) -> None:
    """What is computed from buckets brackets what the raw values give, for KS and for Wasserstein."""
    one, other = Numbers.of(reference), Numbers.of(current)
    exact, binned = compare(one, other), compare(one.binned(), other.binned())
    for name in ("ks", "wasserstein"):
        found = next(d for d in binned.distances if d.name == name)
        slack = 1e-9 * max(1.0, exact[name])
        assert found.low - slack <= exact[name] <= found.high + slack


def test_large_samples_agree_closely() -> None:
    """On smooth data the histogram's KS and Jensen-Shannon are within 2 % of the exact ones."""
    rng = np.random.default_rng(7)
    one, other = Numbers.of(rng.lognormal(3, 1, 50_000)), Numbers.of(rng.lognormal(3.2, 1.1, 20_000))
    exact, binned = compare(one, other), compare(one.binned(), other.binned())
    for name in ("ks", "jensen_shannon", "hellinger", "psi", "total_variation"):
        assert binned[name] == pytest.approx(exact[name], rel=0.02)


@pytest.mark.parametrize("binned", [False, True])
def test_what_lies_outside_the_reference_counts(binned: bool) -> None:
    """A constant that becomes another constant is as far as can be, though the reference has but one value."""
    one, other = Numbers.of([5.0] * 40), Numbers.of([7.0] * 30)
    found = compare(one.binned(), other.binned()) if binned else compare(one, other)
    assert found["ks"] == found["total_variation"] == found["hellinger"] == 1
    moved = next(d for d in found.distances if d.name == "wasserstein")
    assert moved.low <= 2 <= moved.high
    assert moved.value == pytest.approx(2, rel=0.06)
    assert [(g.reference, g.current) for g in found.groups] == [(40, 0), (0, 30)]


def test_outliers_do_not_blind() -> None:
    """One outlier of a million does not change the scale that Wasserstein is divided by, as it does the deviation."""
    rng = np.random.default_rng(3)
    calm = rng.normal(size=5000)
    wild = np.append(calm, 1e6)
    shifted = Numbers.of(rng.normal(0.5, size=5000))
    plain, outlying = compare(Numbers.of(calm), shifted), compare(Numbers.of(wild), shifted)
    assert plain["wasserstein_scaled"] == pytest.approx(0.5, abs=0.1)
    # The outlier is 200 away for each value it is one of, and no more: with the deviation the shift would vanish.
    assert outlying["wasserstein_scaled"] > 0.4


def test_not_finite_numbers_are_counted_apart() -> None:
    """NaN and the infinities are no part of a distance, and are not lost."""
    found = Numbers.of([1.0, float("nan"), float("inf"), float("-inf"), float("-inf")], n_null=3)
    assert (found.n, found.n_null, found.n_nan, found.n_posinf, found.n_neginf) == (1, 3, 1, 1, 2)


def test_nothing_to_compare() -> None:
    """A side without values, and sides of two kinds, are refused by name."""
    with pytest.raises(ValueError, match="reference has no value"):
        compare(Numbers.of([]), Numbers.of([1.0]))
    with pytest.raises(ValueError, match="current side has no value"):
        compare(Categories.of("a"), Categories.of([None]))
    with pytest.raises(ValueError, match="Numbers cannot be compared with Categories"):
        compare(Numbers.of([1.0]), Categories.of("a"))
