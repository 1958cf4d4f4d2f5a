"""The detector, and the rules of other tools as they are by default, on simulated streams.

The others' rules are those of their published definitions. Evidently: Wasserstein over the reference's deviation at 0.1
or more, of categories Jensen-Shannon. NannyML: Jensen-Shannon over mean + 3 deviations of the reference's windows.
whylogs: Kolmogorov-Smirnov's p-value under 0.05, of categories chi-square's; here on the counts and not on its random
sketches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from scipy.special import chdtrc, kolmogorov

from benchmarks.detector_streams import LASTS, Counts, Floats, Streams
from deadreckon.drift.detector import scores
from deadreckon.drift.detector.calibration import RANKS, innovations, tail_limits, usual
from deadreckon.drift.detector.edetector import STAKES, Budget, accumulate, e_values
from deadreckon.drift.detector.matched import Matched
from deadreckon.drift.detector.scores import Scored

Alarms = np.ndarray[Any, np.dtype[np.bool_]]


def deadreckon(streams: Streams, budget: Budget) -> Alarms:
    """Whether each window after the reference makes an alarm (streams, windows)."""
    counts, reference = streams.counts, streams.reference
    matched = Matched(streams.usual, 0)
    scored = _scored(streams, matched.of_itself(), streams.usual)
    known = usual(scored.z, scored.places)
    count = int((reference // 2 >= RANKS).sum())
    limits = np.ones_like(known.levels)
    limits[..., :count] = tail_limits(reference, known.tau[..., None], RANKS[:count], budget.streams)
    found = _scored(streams, matched.of(np.arange(reference, counts.shape[1])), streams.current)
    evidence = np.zeros((len(counts), int(known.lag.max()), len(STAKES)))
    previous = np.full(found.z[:, 0].shape, np.nan)
    alarms = np.zeros(found.z.shape[:2], dtype=bool)
    for t in range(alarms.shape[1]):
        new = innovations(found.z[:, t], previous, known.rho, known.mean, known.sd, known.lag)
        e = e_values(known.levels, limits, new, found.large_enough[:, t])
        reached = accumulate(evidence, np.full(len(counts), t), known.lag, e, budget)
        alarms[:, t] = reached >= budget.threshold
        previous = found.z[:, t]
    return alarms


def _scored(streams: Streams, reference: Counts, current: Counts) -> Scored:
    if streams.kind == "categorical":
        return scores.categorical(reference, current, current[..., -1])
    cumulated = np.cumsum(streams.usual.sum(axis=(0, 1)))
    low, high = streams.middle[np.searchsorted(cumulated / cumulated[-1], [0.25, 0.75])]
    return scores.numeric(reference, current, streams.middle, float(high - low) / 1.349, LASTS)


Distances = tuple[Floats, Floats]
"""By stream and window, and each stream's limit."""


def evidently(streams: Streams) -> Distances:
    """Its distance by window from the pooled reference, and its limit."""
    pooled = streams.usual.sum(axis=1)
    limit = np.full((len(pooled), 1), 0.1)
    p, q = _shares(pooled)[:, None], _shares(streams.current)
    if streams.kind == "categorical":
        return _jensen_shannon(p, q) * np.sqrt(np.log(2)), limit
    mean = p @ streams.middle
    deviation = np.sqrt(p @ streams.middle**2 - mean**2)
    return np.abs(np.cumsum(q - p, axis=2))[..., :-1] @ np.diff(streams.middle) / deviation, limit


def nannyml(streams: Streams) -> Distances:
    """Jensen-Shannon from the pooled reference, and its mean + 3 deviations among the reference's windows."""
    counts = streams.counts
    if streams.kind == "numeric":
        counts = np.add.reduceat(counts, np.append(0, LASTS[:-1] + 1), axis=2)
    pooled = _shares(counts[:, : streams.reference].sum(axis=1))[:, None]
    distances = _jensen_shannon(pooled, _shares(counts))
    known = distances[:, : streams.reference]
    return distances[:, streams.reference :], (known.mean(axis=1) + 3 * known.std(axis=1))[:, None]


def whylogs(streams: Streams) -> Distances:
    """One less the p-value against the pooled reference, over 0.95."""
    pooled = streams.usual.sum(axis=1)[:, None].astype(np.float64)
    limit = np.full((len(pooled), 1), 0.95)
    current = streams.current.astype(np.float64)
    n, m = current.sum(axis=2), pooled.sum(axis=2)
    if streams.kind == "numeric":
        d = np.max(np.abs(np.cumsum(_shares(current) - _shares(pooled), axis=2)), axis=2)
        return 1 - kolmogorov(d * np.sqrt(n * m / (n + m))), limit
    # Expected counts are the reference's shares: what it has never seen is left out.
    expected = _shares(pooled) * n[..., None]
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = np.where(expected > 0, (current - expected) ** 2 / expected, 0.0)
    degrees = np.maximum((pooled > 0).sum(axis=2) - 1, 1)
    return 1 - chdtrc(degrees, terms.sum(axis=2)), limit


PEERS: Final[dict[str, Callable[[Streams], Distances]]] = {
    "Evidently": evidently,
    "NannyML": nannyml,
    "whylogs": whylogs,
}


def tuned(calm: list[Distances], budget: Budget) -> float:
    """The limit, over a peer's own (which differs by stream), that spends the detector's budget on calm streams."""
    over = np.sort(np.concatenate([(distances / limit).ravel() for distances, limit in calm]))
    return float(over[-1 - int(len(over) * budget.a_year / budget.streams / budget.windows_a_year)])


def _shares(counts: np.ndarray) -> Floats:
    return np.asarray(counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1))


def _jensen_shannon(p: Floats, q: Floats) -> Floats:
    middle = (p + q) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = [np.where(side > 0, side * np.log2(side / middle), 0.0).sum(axis=-1) for side in (p, q)]
    return np.asarray(np.sqrt(np.maximum((parts[0] + parts[1]) / 2, 0.0)))
