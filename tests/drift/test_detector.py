"""The detector: what it promises of streams that do not change, and how soon it sees those that do."""

from __future__ import annotations

import numpy as np
import pytest

from deadreckon.drift.detector import scores
from deadreckon.drift.detector.calibration import RANKS, Calibration, calibrate, together
from deadreckon.drift.detector.edetector import Budget, Look, State, e_value, look
from deadreckon.drift.detector.matched import Matched

REFERENCE = 28 * 24
GROUPS = np.append(np.arange(4, 64, 5), 64)
BUDGET = Budget(streams=100)
PLACES = np.random.default_rng(7).normal(size=(REFERENCE, 2))
"""Of windows that do not depend on those before."""


class Stream:
    """Hourly windows of normal values with a daily season, counted in 64 buckets of the reference."""

    def __init__(self, seed: int, days: int, n: int = 500, rho: float = 0.0, shift: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        hours = np.arange(REFERENCE + 24 * days)
        level = np.zeros(len(hours))
        for t in hours[1:]:
            level[t] = rho * level[t - 1] + (rng.normal(0, 0.1) if rho else 0.0)
        values = rng.normal(size=(len(hours), n)) + (level + 0.3 * np.sin(hours * 2 * np.pi / 24))[:, None]
        values[REFERENCE:] += shift
        edges = np.quantile(values[:REFERENCE], np.linspace(0, 1, 64))
        self.counts = np.stack([np.bincount(np.searchsorted(edges, row), minlength=65) for row in values])
        self.middle = np.concatenate([[edges[0] - 0.1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 0.1]])
        self.hours = hours
        self.matched = Matched(self.counts[:REFERENCE], 0)
        usual = scores.numeric(self.matched.of_itself(), self.counts[:REFERENCE], self.middle, 1.0, GROUPS)
        self.calibration = calibrate(usual.z, usual.places, BUDGET.streams)

    def scored(self) -> scores.Scored:
        """The windows after the reference."""
        reference = self.matched.of(self.hours[REFERENCE:])
        return scores.numeric(reference, self.counts[REFERENCE:], self.middle, 1.0, GROUPS)

    def looks(self, budget: Budget = BUDGET) -> list[Look]:
        """What each of them shows, one after the other."""
        state, seen = State.new(self.calibration), []
        found = self.scored()
        for z, enough in zip(found.z, found.large_enough, strict=True):
            state, one = look(self.calibration, state, z, enough, budget)
            seen.append(one)
        return seen


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
@pytest.mark.parametrize("n", [50, 500])
def test_no_alarm_where_nothing_changes(rho: float, n: int) -> None:
    """Streams that stay as they were, with a season and however correlated, do not alarm in 60 days."""
    for seed in range(4):
        assert not any(one.alarm for one in Stream(seed, days=60, n=n, rho=rho).looks())


@pytest.mark.parametrize(("shift", "within"), [(0.5, 6), (0.3, 8), (0.2, 24)])
def test_a_shift_is_seen(shift: float, within: int) -> None:
    """A mean that moves by half a standard deviation is seen within six hours, by a fifth within a day."""
    delays = []
    for seed in range(5):
        seen = [hour for hour, one in enumerate(Stream(seed, days=10, shift=shift).looks(), 1) if one.alarm]
        delays.append(seen[0] if seen else 10**6)
    assert np.median(delays) <= within


def test_a_small_shift_is_none() -> None:
    """A shift under the floor of every effect is no drift, however many values there are."""
    assert not any(one.alarm for one in Stream(1, days=20, n=5000, shift=0.03).looks())


def test_the_mean_of_e_is_at_most_one() -> None:
    """On windows that lie as the reference's do, the bet pays no more than it costs, over many calibrations."""
    rng = np.random.default_rng(2)
    paid = []
    for _ in range(40):
        calibration = calibrate(rng.normal(size=(REFERENCE, 4)), PLACES, streams=1)
        new = rng.normal(size=(4000, 4))
        enough = np.ones(4, dtype=bool)
        paid.append(np.mean([e_value(calibration, calibration.innovation(z, np.full(4, np.nan)), enough) for z in new]))
    # With one stream in the fleet each limit holds in all but 0.05 / 32 of the calibrations.
    assert np.mean(np.array(paid) <= 1) == 1
    assert np.mean(paid) > 0.3  # and it is no empty promise


def test_levels_of_a_short_reference() -> None:
    """Ranks that a short reference does not have are left out; one of a few windows cannot be calibrated by."""
    rng = np.random.default_rng(4)
    short = calibrate(rng.normal(size=(40, 4)), PLACES[:40], streams=10)
    assert short.levels.shape == short.limits.shape == (4, 5)
    assert np.all(np.diff(short.levels, axis=1) <= 0)
    assert np.all(np.diff(short.limits, axis=1) > 0)
    with pytest.raises(ValueError, match="15 windows are too few"):
        calibrate(rng.normal(size=(15, 4)), PLACES[:15], streams=10)


def test_limits_hold_the_tails() -> None:
    """The bet on new scores is worth at most 1 for each score, and it would not be if it paid a half more."""
    rng = np.random.default_rng(6)
    worth = []
    for _ in range(400):
        calibration = calibrate(rng.exponential(size=(REFERENCE, 4)), PLACES, streams=1)
        above = np.exp(-calibration.levels)  # how often an exponential one is larger
        worth.append((above / calibration.limits).sum(axis=1) / len(RANKS))
    # Of 1,600 scores 0.05 / 4 each, that is 20, may be worth more.
    assert 0 < np.sum(np.array(worth) > 1) <= 32


@pytest.mark.parametrize(("windows", "count", "tau"), [(32, 4, 1.0), (100, 6, 1.0), (672, 8, 1.0), (672, 8, 4.0)])
def test_what_tails_come_to_together(windows: int, count: int, tau: float) -> None:
    """The formula against simulation: a share of a thousandth of all samples is above."""
    rng = np.random.default_rng(count)
    ranks = RANKS[:count]
    stakes = 1 / ranks**0.9
    shapes = np.append(np.diff(ranks, prepend=0), windows + 1 - ranks[-1]) / tau
    drawn = rng.gamma(shapes, size=(400_000, count + 1))
    tails = np.cumsum(drawn, axis=1)[:, :-1] / drawn.sum(axis=1)[:, None]
    at = together(np.array([[float(windows)]]), np.array([[tau]]), ranks, stakes[None], 0.001)
    assert np.mean(tails @ stakes > at[0, 0]) == pytest.approx(0.001, rel=0.15)


def test_correlation_is_measured() -> None:
    """Scores that depend on those before are looked at by interleaved detectors, others by one."""
    rng = np.random.default_rng(8)
    steps = rng.normal(size=(REFERENCE, 4))
    walk = np.zeros_like(steps)
    for t in range(1, len(steps)):
        walk[t] = 0.9 * walk[t - 1] + steps[t]
    assert calibrate(steps, PLACES, 10).lag == 1
    assert calibrate(walk, PLACES, 10).lag >= 8
    # Distances forget on which side they were: a level that wanders is told by where windows lie.
    where = 0.6 * walk[:, :1] + rng.normal(size=(len(walk), 1))
    assert calibrate(steps, where, 10).lag >= 3


def test_looking_again_gives_the_same() -> None:
    """State and verdict depend on state and window alone: the same look twice is the same look."""
    stream = Stream(3, days=1)
    found = stream.scored()
    state = State.new(stream.calibration)
    once = look(stream.calibration, state, found.z[0], found.large_enough[0], BUDGET)
    again = look(stream.calibration, state, found.z[0], found.large_enough[0], BUDGET)
    assert once[1] == again[1]
    assert once[0].windows == again[0].windows == 1
    assert np.array_equal(once[0].evidence, again[0].evidence)
    assert not state.evidence.any()


def test_a_window_without_values_changes_nothing() -> None:
    """An hour that is missing is no evidence, for or against."""
    stream = Stream(3, days=1)
    state = State(7, np.full((stream.calibration.lag, 3), 5.0), np.zeros(4))
    after, seen = look(stream.calibration, state, np.full(4, np.nan), np.zeros(4, dtype=bool), BUDGET)
    assert after is state
    assert (seen.e, seen.alarm) == (1.0, False)


def test_after_an_alarm_it_starts_again() -> None:
    """The evidence that made an alarm is spent."""
    calibration = Calibration(
        np.zeros((4, 8)), np.full((4, 8), 0.001), *(np.zeros(4) for _ in range(3)), 1, 500, np.ones(4)
    )
    state, seen = State.new(calibration), []
    for _ in range(6):
        state, one = look(calibration, state, np.ones(4), np.ones(4, dtype=bool), BUDGET)
        seen.append(one.alarm)
    assert seen == [False, True, False, True, False, True]


def test_the_threshold() -> None:
    """The fleet's budget: 4 a year among 100 streams; in strict mode a probability, for ever."""
    assert BUDGET.threshold == pytest.approx(100 * 8766 / 4)
    assert Budget(streams=100, strict=0.01).threshold == pytest.approx(10_000)
    assert len(RANKS) == 8


def test_strict_mode_grows_less() -> None:
    """In strict mode the windows share one stake for ever, so that evidence is never more than in the other."""
    stream = Stream(5, days=10, shift=0.5)
    usual, strict = stream.looks(Budget(100, a_year=1e-300)), stream.looks(Budget(100, strict=1e-300))
    assert all(one.evidence <= other.evidence for one, other in zip(strict, usual, strict=True))
    assert strict[-1].evidence > 1e6


def test_matched_windows() -> None:
    """A window is held against its hour of the week where that has four, else its hour of the day, else everything."""
    hours = np.arange(28 * 24)
    counts = np.stack([np.full(len(hours), 1), (hours % 168 == 5) * 1], axis=1).astype(np.int64)
    matched = Matched(counts, 0)
    assert matched.of(np.array([5 + 168 * 9, 6])).tolist() == [[4, 4], [4, 0]]
    assert matched.of_itself()[[5, 6]].tolist() == [[3, 3], [3, 0]]
    short = Matched(counts[:120], 0)  # five days
    assert short.of(np.array([5])).tolist() == [[5, 1]]
    shortest = Matched(counts[:30], 0)
    assert shortest.of(np.array([5])).tolist() == [[30, 1]]


def test_scores_by_hand() -> None:
    """The four scores of a window, of numbers and of categories; the reference of as many values counts for half."""
    reference, current = np.array([[50, 50, 0]]), np.array([[25, 50, 25]])
    found = scores.numeric(reference, current, np.array([0.0, 1.0, 3.0]), scale=2.0, lasts=np.arange(3))
    assert found.effect[0] == pytest.approx([0.25, (0.25 + 2 * 0.25) / 2, np.sqrt(1 - np.sqrt(0.125) - 0.5), 0.25])
    root = np.sqrt(50)
    assert found.z[0] == pytest.approx([0.25 * root, 0.375 * root, 50 * found.effect[0, 2] ** 2, 0.25 * root])
    floors = np.array([0.05, 0.1, 0.05, 0.01])
    beyond = root * (found.effect[0] - floors)
    assert found.beyond[0] == pytest.approx([beyond[0], beyond[1], beyond[2] ** 2, beyond[3]])
    assert found.places[0, 0] == pytest.approx(root * (0.25 * -0.25 + 0.5 * 0.25 + 0.25 * 0.5))
    found = scores.categorical(reference, current, new=np.array([25]))
    assert found.effect[0, [0, 1, 3]] == pytest.approx([0.25, 0.25, 0.25])
    assert found.places[0] == pytest.approx(root * np.array([-0.25, 0.0, 0.25]))
    assert np.isnan(scores.categorical(reference, np.zeros((1, 3), dtype=np.int64), np.array([0])).z).all()
    more = np.array([[10**9, 10**9, 0]])
    assert scores.categorical(more, current, new=np.array([25])).n[0, 0] == pytest.approx(100)


def test_few_values_are_enough_for_a_large_shift() -> None:
    """With 30 values an hour, another distribution (total variation 0.55) is seen within six hours."""
    delays = []
    for seed in range(5):
        seen = [hour for hour, one in enumerate(Stream(seed, days=4, n=30, shift=1.5).looks(), 1) if one.alarm]
        delays.append(seen[0] if seen else 10**6)
    assert np.median(delays) <= 6


def test_more_traffic_is_no_drift() -> None:
    """Ten times as many values as in the reference, whose own error they do not share, pay no more than it costs."""
    rng = np.random.default_rng(12)
    p = np.full(20, 1 / 20)
    e = []
    for _ in range(8):
        usual = rng.multinomial(50, p, REFERENCE)
        matched = Matched(usual, 0)
        known = scores.numeric(matched.of_itself(), usual, np.arange(20.0), 5.0, np.arange(20))
        calibration = calibrate(known.z[:, :], known.places, streams=1)
        more = rng.multinomial(500, p, 400)
        found = scores.numeric(matched.of(np.arange(400)), more, np.arange(20.0), 5.0, np.arange(20))
        enough = np.ones(4, dtype=bool)
        e += [e_value(calibration, calibration.innovation(z, np.full(4, np.nan)), enough) for z in found.z]
    assert np.mean(e) <= 1
