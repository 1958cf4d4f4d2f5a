"""False alarms and delays of the detector and of the peers' default rules, on simulated streams.

Each stream has hourly windows of n normal values with a daily season of 0.3 standard deviations and a level that
wanders (autoregressive, lag-1 correlation rho, 0.05 standard deviations wide): 28 days of reference, then 90 days in
which nothing changes, or 14 in which it does. All rules see the same counts in 64 buckets. The peers' rules, as they
are by default, by their published definitions: Evidently: Wasserstein over the reference's deviation >= 0.1; NannyML:
Jensen-Shannon > mean + 3 deviations of the reference's windows; whylogs: Kolmogorov-Smirnov's p-value < 0.05, here on
the counts and not on its random sketches. Tuned, each peer has the threshold by which as many of the calm windows of
other streams alarm as the budget lets the detector: nobody has those in practice.
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
    "mean +0.1 sd": lambda _, v: v + 0.1,
    "mean +0.2 sd": lambda _, v: v + 0.2,
    "mean +0.5 sd": lambda _, v: v + 0.5,
    "scale x1.5": lambda _, v: v * 1.5,
    "a 2 % tail": lambda rng, v: np.where(rng.random(v.shape) < 0.02, v + 6, v),
    "a 5 % tail": lambda rng, v: np.where(rng.random(v.shape) < 0.05, v + 6, v),
    "unit x1000": lambda _, v: v * 1000,
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


Distances = np.ndarray[Any, np.dtype[np.float64]]


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


def evidently(stream: Stream) -> tuple[Distances, float]:
    """Wasserstein over the standard deviation of the pooled reference by window, and its limit."""
    pooled = stream.counts[:REFERENCE].sum(axis=0)
    p = pooled / pooled.sum()
    deviation = np.sqrt(p @ stream.middle**2 - (p @ stream.middle) ** 2)
    q = stream.counts[REFERENCE:] / stream.counts[REFERENCE:].sum(axis=1)[:, None]
    moved = np.abs(np.cumsum(q - p, axis=1))[:, :-1] @ np.diff(stream.middle)
    return moved / deviation, 0.1


def nannyml(stream: Stream) -> tuple[Distances, float]:
    """Jensen-Shannon from the pooled reference, and its mean + 3 deviations among the reference's windows."""
    pooled = np.add.reduceat(stream.counts[:REFERENCE].sum(axis=0), FIRSTS)
    distances = np.array([jensen_shannon(pooled, np.add.reduceat(row, FIRSTS)) for row in stream.counts])
    usual = distances[:REFERENCE]
    return distances[REFERENCE:], float(np.mean(usual) + 3 * np.std(usual))


def whylogs(stream: Stream) -> tuple[Distances, float]:
    """One less Kolmogorov-Smirnov's p-value against the pooled reference, over 0.95."""
    pooled = stream.counts[:REFERENCE].sum(axis=0)
    current = stream.counts[REFERENCE:]
    n = current.sum(axis=1)
    f = np.cumsum(pooled) / pooled.sum()
    d = np.max(np.abs(np.cumsum(current, axis=1) / n[:, None] - f), axis=1)
    chances = [ks.p_value(float(one), int(pooled.sum()), int(size)) for one, size in zip(d, n, strict=True)]
    return 1 - np.array(chances), 0.95


PEERS = {"Evidently": evidently, "NannyML": nannyml, "whylogs": whylogs}


def tuned(calm: list[tuple[Distances, float]]) -> float:
    """The limit, over a peer's own (which differs by stream), that spends the detector's budget on calm streams."""
    over = np.sort(np.concatenate([distances / limit for distances, limit in calm]))
    return float(over[-1 - int(len(over) * BUDGET.a_year / FLEET / BUDGET.windows_a_year)])


def main() -> int:
    """Print all tables; 1 when the detector's false alarms exceed its budget."""
    over, calm = 0, {}
    print(f"nothing changes: alarms per stream and year (share of {STREAMS} streams that ever alarm in 90 days)")
    print(f"{'':24}" + "".join(f"{name:>20}" for name in ("deadreckon", *PEERS)))
    for n in (50, 500, 5000):
        for rho in (0.0, 0.6, 0.9):
            alarms: dict[str, list[int]] = {name: [] for name in ("deadreckon", *PEERS)}
            seen: dict[str, list[tuple[Distances, float]]] = {name: [] for name in PEERS}
            for seed in range(STREAMS):
                stream = Stream.made(seed, n, rho, CALM, None)
                alarms["deadreckon"].append(sum(deadreckon(stream)))
                for name, rule in PEERS.items():
                    seen[name].append(rule(stream))
                    alarms[name].append(int((seen[name][-1][0] > seen[name][-1][1]).sum()))
            cells = [f"{np.mean(a) * 365 / 90:.1f} ({np.mean(np.array(a) > 0):.0%})" for a in alarms.values()]
            print(f"n = {n:4} an hour, rho {rho:.1f}" + "".join(f"{cell:>20}" for cell in cells), flush=True)
            # The budget is 4 a year for 100 streams: these streams' share of it in 90 days, and chance.
            over |= sum(alarms["deadreckon"]) > 3 + 4 * 90 / 365 * STREAMS / FLEET
            calm[n, rho] = {name: tuned(found) for name, found in seen.items()}
    print(f"\ndeadreckon's budget: {BUDGET.a_year / FLEET:.2f} alarms per stream and year")
    print(
        "\nwhat changes is seen: median hours / 90th percentile / streams in which it is not within 14 days (n = 500)"
    )
    print(f"{'':24}" + "".join(f"{name:>20}" for name in ("deadreckon", *(f"{name} tuned" for name in PEERS))))
    for rho in (0.0, 0.6):
        for what, change in CHANGES.items():
            delays: dict[str, list[float]] = {name: [] for name in ("deadreckon", *PEERS)}
            for seed in range(STREAMS):
                stream = Stream.made(1000 + seed, 500, rho, SHIFTED, change)
                delays["deadreckon"].append(first(np.array(deadreckon(stream))))
                for name, rule in PEERS.items():
                    distances, limit = rule(stream)
                    delays[name].append(first(distances > limit * calm[500, rho][name]))
            cells = [said(np.array(found)) for found in delays.values()]
            print(f"{what:14} rho {rho:.1f}  " + "".join(f"{cell:>20}" for cell in cells), flush=True)
    return int(over)


def first(alarms: np.ndarray) -> float:
    """The number of the first window that alarms."""
    return float(np.argmax(alarms)) + 1 if alarms.any() else np.inf


def said(delays: np.ndarray) -> str:
    """Median, 90th percentile, and how many are never."""
    median, late = np.quantile(delays, [0.5, 0.9], method="inverted_cdf")
    return f"{median:.0f} / {late:.0f} / {np.isinf(delays).sum()}".replace("inf", "-")


if __name__ == "__main__":
    sys.exit(main())
