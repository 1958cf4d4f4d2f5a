"""What is usual: how the scores of the reference's own windows lie, and how surely that is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import betaincinv, ndtr
from scipy.stats import rankdata

from deadreckon.drift.buckets import Floats, Integers

RANKS: Final = np.array([1, 2, 4, 8, 16, 32, 64, 128])
"""Which of the largest scores are levels."""
LEAST: Final = 2 * int(RANKS[3])
"""Windows without which nothing can be calibrated."""
ETA: Final = 0.05
"""The probability, over the fleet, that a bet on scores that lie as they did is worth more than it costs."""
SURE: Final = 0.9
"""Of an error that is allowed this much is used: the formula by which it is known is right to some hundredths."""
STEPS: Final = 30
LAGS: Final = (1, 2, 3, 4, 6, 8, 12, 24)
CORRELATED: Final = 0.1
TELLING: Final = 0.17
"""What the square of a position's autocorrelation must be under: distances are about as correlated as that says."""
WANDERING: Final = 0.2
"""What the mean of a few of them must surely be under."""
MOST_LAG: Final = 24
MEAN_OF: Final = 6
OUTLYING: Final = 3.0
"""Standard deviations at which the previous score is cut off before it is taken into account."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual of many streams: levels (streams, scores, ranks), the rest (streams, scores), the lag (streams).

    Levels that there are too few windows for are infinite. For the rest see `Calibration`.
    """

    levels: Floats
    rho: Floats
    mean: Floats
    sd: Floats
    tau: Floats
    lag: Integers


@dataclass(frozen=True, slots=True)
class Calibration:
    """A stream's levels: shape (scores, ranks), the largest first, and the limits of their tails (scores, ranks).

    `lag` 1: innovations, with `rho`, `mean` and `sd` by score; more: raw scores and as many interleaved detectors, and
    `tau`, by score, says how many windows tell as much as one independent one.
    """

    levels: Floats
    limits: Floats
    rho: Floats
    mean: Floats
    sd: Floats
    lag: int
    windows: int
    tau: Floats

    def innovation(self, z: Floats, previous: Floats) -> Floats:
        """What is new in a window's scores, given those of the window before it (NaN: there was none)."""
        return innovations(z, previous, self.rho, self.mean, self.sd, np.asarray(self.lag))


def innovations(z: Floats, previous: Floats, rho: Floats, mean: Floats, sd: Floats, lag: Integers) -> Floats:
    """What is new in scores, given those before (NaN: none), each of shape (..., scores), and `lag` of (...).

    Where interleaved detectors take turns (a lag over 1) it is the scores themselves.
    """
    known = np.where(np.isnan(previous), mean, previous)
    carried = rho * np.minimum(known - mean, OUTLYING * sd)
    return np.where(lag[..., None] > 1, z, z - carried)


def calibrate(z: Floats, places: Floats, streams: int) -> Calibration:
    """Calibrate by the reference's leave-one-out scores (windows, scores) and places, in the order of time.

    `streams`: how many there are in the fleet.

    Raises:
        ValueError: there are too few windows to know any level.
    """
    has = ~np.isnan(z).any(axis=1)
    z, places = z[has], places[has]
    windows = len(z)
    if windows < LEAST:
        raise ValueError(f"{windows} windows are too few to calibrate by: {LEAST} are needed at least")
    found = usual(z[None], places[None])
    ranks = RANKS[windows // 2 >= RANKS]
    tau = found.tau[0]
    limits = tail_limits(windows, tau[:, None], ranks, streams, z.shape[1])
    levels = found.levels[0, :, : len(ranks)]
    return Calibration(levels, limits, found.rho[0], found.mean[0], found.sd[0], int(found.lag[0]), windows, tau)


def usual(z: Floats, places: Floats | None = None) -> Usual:
    """What is usual of many streams with as many windows each: z (streams, windows, scores).

    They are in the order of time and come with their `places` (streams, windows, any): signed, as a level that wanders
    shows in them much sooner than in distances. Without places windows are taken for independent. A stream's result
    does not depend on the others: every sum is over a row that lies in one piece.
    """
    streams, windows, scores = z.shape
    rows = np.ascontiguousarray(z.transpose(0, 2, 1))  # (streams, scores, windows)
    own, lag = np.zeros((streams, scores, MOST_LAG)), np.ones(streams, dtype=np.int64)
    if places is not None:
        own, ranked = _autocorrelations(rows), _autocorrelations(rankdata(rows, axis=2))
        signed = _autocorrelations(rankdata(np.ascontiguousarray(places.transpose(0, 2, 1)), axis=2))
        lag = np.maximum(_lags(ranked, windows).max(axis=1), _lags_told(signed, windows).max(axis=1))
    mean, sd = rows.mean(axis=2), rows.std(axis=2)
    rho = np.maximum(0.0, own[:, :, 0])
    # How many dependent windows tell as much as one independent one.
    tau = np.where(lag[:, None] > 1, 1 + 2 * np.maximum(own, 0.0).sum(axis=2), 1.0)
    previous = np.concatenate([np.full((streams, 1, scores), np.nan), z[:, :-1]], axis=1)
    new = innovations(z, previous, rho[:, None], mean[:, None], sd[:, None], lag[:, None])
    sorted_ = np.sort(new, axis=1)
    levels = np.full((streams, scores, len(RANKS)), np.inf)
    known = int((windows // 2 >= RANKS).sum())
    levels[:, :, :known] = sorted_[:, windows - RANKS[:known]].transpose(0, 2, 1)
    return Usual(levels, rho, mean, sd, tau, lag)


def tail_limits(windows: Floats | int, tau: Floats, ranks: Integers, streams: int, scores: int = 4) -> Floats:
    """The limits of the tails above the k-th largest of so many scores, by which bets on them are paid.

    They are in proportion to what each tail is sure to be under, and as small as lets the bet on all of them,
    mean(tail / limit), be worth 1 at most, sure for the fleet but for ETA. `windows` and `tau` have shape (..., 1), the
    result (..., ranks).
    """
    error = ETA / (scores * streams)
    windows, tau = np.broadcast_arrays(np.asarray(windows, dtype=np.float64), tau)
    alone = np.asarray(betaincinv(ranks / tau, (windows - ranks + 1) / tau, 1 - error / len(RANKS)))
    return alone * together(windows, tau, ranks, 1 / alone, SURE * error) / len(RANKS)


def together(windows: Floats, tau: Floats, ranks: Integers, stakes: Floats, error: float) -> Floats:
    """What sum(stake * tail above the k-th largest score) is over with this probability: (..., 1).

    Tails are partial sums of gamma variables over their whole sum, so that this asks for the sign of a weighted sum of
    such variables: Lugannani and Rice's formula, which the tests hold against simulation.
    """
    paid = np.cumsum(stakes[..., ::-1], axis=-1)[..., ::-1]
    paid = np.concatenate([paid, np.zeros_like(paid[..., :1])], axis=-1)
    shape = np.concatenate([np.diff(ranks, prepend=0) / tau, (windows + 1 - ranks[-1]) / tau], axis=-1)
    low = np.sum(paid * shape, axis=-1, keepdims=True) / shape.sum(axis=-1, keepdims=True)
    high = paid[..., :1]
    for _ in range(STEPS):
        middle = (low + high) / 2
        above = _positive(paid - middle, shape) > error
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.asarray(high)


def _positive(weight: Floats, shape: Floats) -> Floats:
    """The probability that sum(weight * gamma(shape)) is over 0, where its mean is not."""
    low, high = np.zeros_like(weight[..., :1]), 1 / weight[..., :1]
    for _ in range(STEPS):
        t = (low + high) / 2
        falls = np.sum(shape * weight / (1 - t * weight), axis=-1, keepdims=True) < 0
        low, high = np.where(falls, t, low), np.where(falls, high, t)
    left = 1 - t * weight
    w = np.sqrt(np.maximum(2 * np.sum(shape * np.log(left), axis=-1, keepdims=True), 0.0))
    u = t * np.sqrt(np.sum(shape * (weight / left) ** 2, axis=-1, keepdims=True))
    density = np.exp(-w * w / 2) / np.sqrt(2 * np.pi)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(w > 1e-3, ndtr(-w) + density * (1 / u - 1 / w), 0.5))


def _lags(ranked: Floats, windows: int) -> Integers:
    """The smallest lag at whose multiples ranks are as good as uncorrelated, given their autocorrelations.

    Each must be small, and the mean of the first few too: a level that wanders shows in many lags, a little in each.
    """
    noise = 1 / np.sqrt(windows)  # the standard deviation of an autocorrelation where there is none
    found = np.full(ranked.shape[:2], MOST_LAG)
    for lag in reversed(LAGS):
        multiples = ranked[:, :, lag - 1 :: lag]
        few = multiples[:, :, :MEAN_OF]
        alone = (multiples < max(CORRELATED, 3.5 * noise)).all(axis=2)
        jointly = few.mean(axis=2) < 2 * noise / np.sqrt(few.shape[2])
        found[alone & jointly] = lag
    return found


def _lags_told(signed: Floats, windows: int) -> Integers:
    """The smallest lag at whose multiples places are so little correlated that distances hardly are.

    Each alone, and surely so the first few together: a short reference of a level that wanders has not seen how far.
    """
    noise = 1 / np.sqrt(windows)
    found = np.full(signed.shape[:2], MOST_LAG)
    for lag in reversed(LAGS):
        multiples = signed[:, :, lag - 1 :: lag]
        few = multiples[:, :, :MEAN_OF]
        alone = (multiples < max(np.sqrt(TELLING), 3 * noise)).all(axis=2)
        jointly = few.mean(axis=2) + 2 * noise / np.sqrt(few.shape[2]) < WANDERING
        found[alone & jointly] = lag
    return found


def _autocorrelations(rows: Floats) -> Floats:
    """Those at the lags 1 to MOST_LAG, along the last axis; 0 where nothing varies."""
    off = rows - rows.mean(axis=2, keepdims=True)
    total = (off * off).sum(axis=2)
    found = np.zeros((*total.shape, MOST_LAG))
    for lag in range(1, min(MOST_LAG, rows.shape[2] - 1) + 1):
        found[:, :, lag - 1] = (off[:, :, lag:] * off[:, :, :-lag]).sum(axis=2)
    return np.asarray(np.where(total[:, :, None] > 0, found / np.where(total > 0, total, 1.0)[:, :, None], 0.0))
