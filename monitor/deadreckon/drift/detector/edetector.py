"""The Shiryaev-Roberts e-detector: evidence against "nothing changed" that grows from window to window.

For a stream whose windows lie as its reference's did, M - t is a supermartingale: a threshold c is passed once in c
windows at most, in expectation, at whatever time one looks. With K streams and c = K / alpha the fleet's false alarms
are alpha a window at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Floats
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
        total = _total(state.evidence, calibration.lag)
        return state, Look(1.0, total, budget.threshold, alarm=False)
    e = e_value(calibration, calibration.innovation(z, state.previous), large_enough)
    windows = state.windows + 1
    start = 1.0 if budget.strict is None else 1.0 / (windows * (windows + 1))
    evidence = state.evidence.copy()
    turn = state.windows % calibration.lag
    evidence[turn] = (start + evidence[turn]) * (1 - STAKES + STAKES * e)
    total = _total(evidence, calibration.lag)
    alarm = total >= budget.threshold
    if alarm:
        evidence[:] = 0.0
    return State(windows, evidence, z), Look(e, total, budget.threshold, alarm)


def e_value(calibration: Calibration, innovation: Floats, large_enough: np.ndarray) -> float:
    """The bet on a window: its mean is 1 at most while the limits of the levels' tails hold."""
    passed = (innovation[:, None] > calibration.levels) & large_enough[:, None]
    # A level that a short reference cannot have takes its share of the stake, and pays nothing.
    return float(np.mean(np.sum(passed / calibration.limits, axis=1)) / len(RANKS))


def _total(evidence: Floats, lag: int) -> float:
    """The mean over stakes and interleaved detectors, in the unit of one detector's threshold."""
    return float(evidence.mean()) * lag
