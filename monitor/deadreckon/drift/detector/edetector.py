"""The Shiryaev-Roberts e-detector: evidence against "nothing changed" that grows from window to window.

For a stream whose windows lie as its reference's did, M - t is a supermartingale: a threshold c is passed once in c
windows at most, in expectation, at whatever time one looks. With K streams and c = K / alpha the fleet's false alarms
are alpha a window at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.detector.calibration import RANKS, Calibration

STAKES: Final = np.array([0.3, 0.6, 0.9])
"""How much of the evidence is staked on each window; the three are averaged."""
WINDOWS_A_YEAR: Final = 8766.0
"""Hourly ones."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms may be expected. `strict`: at most with probability `strict`, ever; else `a_year`."""

    streams: int
    a_year: float = 4.0
    windows_a_year: float = WINDOWS_A_YEAR
    strict: float | None = None

    @property
    def threshold(self) -> float:
        """What M must reach."""
        if self.strict is not None:
            return self.streams / self.strict
        return self.streams * self.windows_a_year / self.a_year


@dataclass(frozen=True, slots=True)
class State:
    """All that is remembered of a stream: windows seen, M by interleaved detector and stake, the last scores."""

    windows: int
    evidence: Floats
    previous: Floats

    @classmethod
    def new(cls, calibration: Calibration) -> State:
        """Of a stream that was never looked at."""
        return cls(0, np.zeros((calibration.lag, len(STAKES))), np.full(len(calibration.mean), np.nan))


@dataclass(frozen=True, slots=True)
class Look:
    """What a window showed: its e-value, the evidence so far, what that must reach, and whether it did."""

    e: float
    evidence: float
    threshold: float
    alarm: bool


def look(
    calibration: Calibration, state: State, z: Floats, large_enough: np.ndarray, budget: Budget
) -> tuple[State, Look]:
    """Take one window's scores into account. A window without values (NaN) changes nothing.

    After an alarm the evidence starts again from nothing.
    """
    if np.isnan(z).any():
        return state, Look(1.0, float(total(state.evidence[None])[0]), budget.threshold, alarm=False)
    e = e_value(calibration, calibration.innovation(z, state.previous), large_enough)
    evidence = state.evidence[None].copy()
    reached = accumulate(evidence, np.array([state.windows]), np.array([calibration.lag]), np.array([e]), budget)
    alarm = bool(reached[0] >= budget.threshold)
    return State(state.windows + 1, evidence[0], z), Look(e, float(reached[0]), budget.threshold, alarm)


def e_value(calibration: Calibration, innovation: Floats, large_enough: np.ndarray) -> float:
    """The bet on a window: its mean is 1 at most while the limits of the levels' tails hold."""
    return float(e_values(calibration.levels, calibration.limits, innovation, large_enough))


def e_values(levels: Floats, limits: Floats, innovation: Floats, large_enough: np.ndarray) -> Floats:
    """The bets on the windows of many streams: `levels` and `limits` (..., scores, ranks), the others (..., scores).

    A level that a short reference cannot have (infinite, its limit 1) takes its share of the stake, and pays nothing.
    """
    passed = (innovation[..., None] > levels) & large_enough[..., None]
    return np.asarray(np.sum(passed / limits, axis=-1).mean(axis=-1) / len(RANKS))


def accumulate(evidence: Floats, windows: Integers, lag: Integers, e: Floats, budget: Budget) -> Floats:
    """Add one window's e-values to the evidence of many streams, in place; what it comes to, before the reset.

    `evidence` (streams, detectors, stakes), of which a stream uses its first `lag`; `windows`: seen before this one.
    """
    which = np.arange(len(evidence))
    turn = windows % lag
    seen = (windows + 1).astype(np.float64)
    start = 1.0 if budget.strict is None else (1.0 / (seen * (seen + 1)))[:, None]
    evidence[which, turn] = (start + evidence[which, turn]) * (1 - STAKES + STAKES * e[:, None])
    reached = total(evidence)
    evidence[reached >= budget.threshold] = 0.0
    return reached


def total(evidence: Floats) -> Floats:
    """What interleaved detectors have together, averaged over the stakes: in the unit of one detector's threshold."""
    return np.asarray(evidence.sum(axis=(1, 2)) / len(STAKES))
