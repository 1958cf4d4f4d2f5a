"""False alarms and delays of the detector and of the peers' default rules, on simulated streams.

Each stream has hourly windows of n normal values with a daily season of 0.3 standard deviations and a level that
wanders (autoregressive, lag-1 correlation rho, 0.05 standard deviations wide): 28 days of reference, then 90 days in
which nothing changes, or 14 in which it does. All rules see the same counts in 64 buckets. The peers' rules, as they
are by default: Evidently: Wasserstein over the reference's deviation >= 0.1; NannyML: Jensen-Shannon > mean + 3
deviations of the reference's windows; and Kolmogorov-Smirnov's p <= 0.05, by which Evidently goes on small references.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from deadreckon.drift.detector import scores
from deadreckon.drift.detector.calibration import calibrate
from deadreckon.drift.detector.edetector import Budget, State, look
from deadreckon.drift.detector.matched import Matched
from deadreckon.drift.distances import ks
from deadreckon.drift.distances.jensen_shannon import jensen_shannon

STREAMS = int(os.environ.get("BENCH_STREAMS", "24"))
FLEET = 100
BUDGET = Budget(FLEET, a_year=4.0)
REFERENCE = 28 * 24
CALM = 90 * 24
SHIFTED = 14 * 24
BUCKETS = 64
GROUPS = np.append(np.arange(4, BUCKETS, 5), BUCKETS)
"""The last bucket of each group."""
FIRSTS = np.arange(0, BUCKETS + 1, 5)

Counts = np.ndarray[Any, np.dtype[np.int64]]
Change = Callable[[np.random.Generator, np.ndarray], np.ndarray]
CHANGES: dict[str, Change] = {
    "mean +0.2 sd": lambda _, v: v + 0.2,
    "mean +0.5 sd": lambda _, v: v + 0.5,
    "scale x1.5": lambda _, v: v * 1.5,
    "a 2 % tail": lambda rng, v: np.where(rng.random(v.shape) < 0.02, v + 6, v),
    "a 5 % tail": lambda rng, v: np.where(rng.random(v.shape) < 0.05, v + 6, v),
}


@dataclass
class Stream:
    """Counts by window and bucket, the reference first, and a value for each bucket."""

    counts: Counts
    middle: np.ndarray
    hours: np.ndarray

    @classmethod
    def made(cls, seed: int, n: int, rho: float, hours: int, change: Change | None) -> Stream:
        """A stream of the reference and so many hours more, in which it is changed."""
        rng = np.random.default_rng(seed)
        at = np.arange(REFERENCE + hours)
        level = np.zeros(len(at))
        for t in at[1:] if rho else ():
            level[t] = rho * level[t - 1] + np.sqrt(1 - rho**2) * rng.normal(0, 0.05)
        values = rng.normal(size=(len(at), n))
        if change is not None:
            values[REFERENCE:] = change(rng, values[REFERENCE:])
        values += (level + 0.3 * np.sin(at * 2 * np.pi / 24))[:, None]
        edges = np.quantile(values[:REFERENCE], np.linspace(0, 1, BUCKETS))
        counts = np.stack([np.bincount(np.searchsorted(edges, row), minlength=BUCKETS + 1) for row in values])
        middle = np.concatenate([[edges[0] - 0.1], (edges[1:] + edges[:-1]) / 2, [edges[-1] + 0.1]])
        return cls(counts, middle, at)


def deadreckon(stream: Stream) -> list[bool]:
    """Whether each window after the reference makes an alarm."""
    counts, usual = stream.counts, stream.counts[:REFERENCE]
    matched = Matched(usual, 0)
    cumulated = np.cumsum(usual.sum(axis=0)) / usual.sum()
    low, high = stream.middle[np.searchsorted(cumulated, [0.25, 0.75])]
    rest = (stream.middle, float(high - low) / 1.349, GROUPS)
    calibration = calibrate(scores.numeric(matched.of_itself(), usual, *rest).z, FLEET)
    found = scores.numeric(matched.of(stream.hours[REFERENCE:]), counts[REFERENCE:], *rest)
    state, alarms = State.new(calibration), []
    for z, enough in zip(found.z, found.large_enough, strict=True):
        state, seen = look(calibration, state, z, enough, BUDGET)
        alarms.append(seen.alarm)
    return alarms


def evidently(stream: Stream) -> list[bool]:
    """Wasserstein over the standard deviation of the pooled reference, at least 0.1."""
    pooled = stream.counts[:REFERENCE].sum(axis=0)
    p = pooled / pooled.sum()
    deviation = np.sqrt(p @ stream.middle**2 - (p @ stream.middle) ** 2)
    q = stream.counts[REFERENCE:] / stream.counts[REFERENCE:].sum(axis=1)[:, None]
    moved = np.abs(np.cumsum(q - p, axis=1))[:, :-1] @ np.diff(stream.middle)
    return [bool(m / deviation >= 0.1) for m in moved]


def nannyml(stream: Stream) -> list[bool]:
    """Jensen-Shannon from the pooled reference, over its mean + 3 deviations among the reference's windows."""
    pooled = np.add.reduceat(stream.counts[:REFERENCE].sum(axis=0), FIRSTS)
    distances = [jensen_shannon(pooled, np.add.reduceat(row, FIRSTS)) for row in stream.counts]
    usual = distances[:REFERENCE]
    limit = np.mean(usual) + 3 * np.std(usual)
    return [bool(d > limit) for d in distances[REFERENCE:]]


def a_test(stream: Stream) -> list[bool]:
    """Kolmogorov-Smirnov's p-value against the pooled reference, at most 0.05."""
    pooled = stream.counts[:REFERENCE].sum(axis=0)
    f = np.cumsum(pooled) / pooled.sum()
    alarms = []
    for row in stream.counts[REFERENCE:]:
        d = float(np.max(np.abs(np.cumsum(row) / row.sum() - f)))
        alarms.append(ks.p_value(d, int(pooled.sum()), int(row.sum())) <= 0.05)
    return alarms


RULES = {"deadreckon": deadreckon, "Evidently": evidently, "NannyML": nannyml, "KS p <= 0.05": a_test}


def main() -> int:
    """Print both tables; 1 when the detector's false alarms exceed its budget."""
    over = 0
    print(f"nothing changes: alarms per stream and year (share of {STREAMS} streams that ever alarm in 90 days)")
    print(f"{'':24}" + "".join(f"{name:>20}" for name in RULES))
    for n in (50, 500):
        for rho in (0.0, 0.6, 0.9):
            alarms = {name: [] for name in RULES}  # type: dict[str, list[int]]
            for seed in range(STREAMS):
                stream = Stream.made(seed, n, rho, CALM, None)
                for name, rule in RULES.items():
                    alarms[name].append(sum(rule(stream)))
            cells = [f"{np.mean(a) * 365 / 90:.1f} ({np.mean(np.array(a) > 0):.0%})" for a in alarms.values()]
            print(f"n = {n:3} an hour, rho {rho:.1f} " + "".join(f"{cell:>20}" for cell in cells), flush=True)
            # The budget is 4 a year for 100 streams: these streams' share of it in 90 days, and chance.
            over |= sum(alarms["deadreckon"]) > 3 + 4 * 90 / 365 * STREAMS / FLEET
    print(f"\ndeadreckon's budget: {BUDGET.a_year / FLEET:.2f} alarms per stream and year")
    print("\nwhat changes is seen: median hours, 90th percentile, streams in which it is not within 14 days (n = 500)")
    for rho in (0.0, 0.6):
        for what, change in CHANGES.items():
            delays = []
            for seed in range(STREAMS):
                alarms_here = deadreckon(Stream.made(1000 + seed, 500, rho, SHIFTED, change))
                delays.append(alarms_here.index(True) + 1 if True in alarms_here else np.inf)
            median, late = np.quantile(delays, [0.5, 0.9], method="inverted_cdf")
            print(f"{what:14} rho {rho:.1f}: {median:5.0f} {late:5.0f} {np.isinf(delays).sum():3}", flush=True)
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
