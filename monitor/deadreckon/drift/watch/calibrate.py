"""From a reference's rows to calibrations, a few streams at once; what comes of one does not depend on the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Integers
from deadreckon.drift.detector import scores
from deadreckon.drift.detector.calibration import LEAST, Usual, usual
from deadreckon.drift.detector.matched import Matched
from deadreckon.drift.watch import drawn, grid
from deadreckon.drift.watch.calibrations import Calibrations, Kind
from deadreckon.drift.watch.read import Arrays
from deadreckon.drift.watch.reference import Fixed, Version

OTHER: Final = grid.INNER
"""The column of a categorical stream's rare values; before it are the frequent ones."""
NEW: Final = grid.WIDTH - 1
"""The column of values that the reference does not have."""
FLATTERED: Final = 0.025
"""Half of the smallest share that is drift: see `drawn.flattered`."""
AT_ONCE: Final = 1_000_000
"""Counts that are scored at once: few enough to stay near the processor."""


@dataclass(frozen=True, slots=True)
class Made:
    """Some streams' cells (streams, period, WIDTH), and by which period each matches (streams, period)."""

    rows: slice
    cells: Integers
    match: Integers


def calibrated(
    version: Version, kind: Kind, made: Calibrations, streams: tuple[int, int], rows: Arrays
) -> Iterator[Made]:
    """Fill in these streams of `made` by their rows (see `read.reference_rows`)."""
    first, last = streams
    seconds = version.watch.cadence.seconds
    start = version.start // seconds
    windows = -(-version.end // seconds) - start
    least = version.watch.least
    value = fitted(made, streams, rows) if kind == "numeric" else rows["place"]
    place = np.minimum(value, OTHER) if kind == "categorical" else value
    order = np.argsort(rows["stream"], kind="stable")
    ends = np.searchsorted(rows["stream"], np.arange(first, last + 1), sorter=order)
    step = max(1, AT_ONCE // (windows * grid.WIDTH))
    for low in range(first, last, step):
        high = min(low + step, last)
        chosen = order[ends[low - first] : ends[high - first]]
        at = (rows["stream"][chosen] - low) * windows + rows["slot"][chosen] - start
        n, shape = rows["n"][chosen], (high - low, windows)
        counts = _summed(at * grid.WIDTH + place[chosen], n, (*shape, grid.WIDTH))
        new = _summed(at, n * rows["single"][chosen], shape) if kind == "categorical" else None
        enough = counts.sum(axis=2) >= least
        made.n[low:high] = counts.sum(axis=(1, 2))
        counts[~enough] = 0
        yield _calibrated(version, made, slice(low, high), counts, new, enough)
        if isinstance(version.watch.reference, Fixed):
            short = (made.windows[low:high] < LEAST) & (made.n[low:high] >= LEAST * least)
            for stream in low + np.flatnonzero(short):
                own = order[ends[stream - first] : ends[stream - first + 1]]
                much = np.bincount(value[own], weights=rows["n"][own], minlength=grid.WIDTH).astype(np.int64)
                parts = drawn.windows(much, least)
                if kind == "numeric" or drawn.flattered(parts, OTHER) <= FLATTERED:
                    yield _by_drawn(version, kind, made, int(stream), much, parts)


def fitted(made: Calibrations, streams: tuple[int, int], rows: Arrays) -> Integers:
    """Fit the grids of these streams; the group of each row."""
    first, last = streams
    wide = 4 * grid.FAR
    key = grid.at_scale(rows["place"], rows["scale"], made.bucket_scale[rows["stream"]])
    code = (rows["stream"] - first) * wide + key + grid.FAR
    distinct = np.unique(code)
    which = np.searchsorted(distinct, code)
    mass = np.bincount(which, weights=rows["n"], minlength=len(distinct)).astype(np.int64)
    stream, keys = distinct // wide, distinct % wide - grid.FAR
    ends = np.searchsorted(stream, np.arange(last - first + 1))
    group = np.zeros(len(distinct), dtype=np.int64)
    for number in range(last - first):
        own = slice(ends[number], ends[number + 1])
        row = first + number
        found = grid.fit(keys[own], mass[own], float(made.origin[row]), int(made.bucket_scale[row]))
        for name in ("upper", "middle", "low", "high", "scale", "lasts"):
            getattr(made, name)[row] = getattr(found, name)
        group[own] = grid.place(found.upper[None], np.zeros(len(keys[own]), dtype=np.int64), keys[own])
    return group[which]


def _calibrated(
    version: Version,
    made: Calibrations,
    rows: slice,
    counts: Integers,
    new: Integers | None,
    enough: np.ndarray,
) -> Made:
    cadence = version.watch.cadence
    matched = Matched(counts, version.start // cadence.seconds, cadence.periods)
    cells, match = matched.cells()
    made.windows[rows] = enough.sum(axis=1)
    if new is None:
        middle, scale, lasts = made.middle[rows, None], made.scale[rows, None], made.lasts[rows, None]
        scored = scores.numeric(matched.of_itself(), counts, middle, scale, lasts)
    else:
        scored = scores.categorical(matched.of_itself(), counts, new)
    z, places = scored.z, scored.places
    for windows in np.unique(made.windows[rows]):
        if windows < LEAST:
            continue
        alike = np.flatnonzero(made.windows[rows] == windows)
        of_each = (part[alike][enough[alike]].reshape(len(alike), windows, part.shape[2]) for part in (z, places))
        _put(made, rows.start + alike, usual(*of_each))
    return Made(rows, cells, match)


def _by_drawn(version: Version, kind: Kind, made: Calibrations, stream: int, much: Integers, parts: Integers) -> Made:
    """Calibrate one stream by windows drawn from its reference, of which `much` lies in each group or value."""
    whole, counts = _in_columns(kind, much[None]), _in_columns(kind, parts)
    if kind == "numeric":
        z = scores.numeric(whole - counts, counts, made.middle[stream], made.scale[stream], made.lasts[stream]).z
    else:
        # To be held against the others, a window's values are new where it has all that there are of them.
        z = scores.categorical(whole - counts, counts, (parts * (parts == much)).sum(axis=1)).z
    made.windows[stream], made.drawn[stream] = len(parts), True
    _put(made, np.array([stream]), usual(z[None]))
    periods = version.watch.cadence.periods
    match = np.full((1, periods[0]), len(periods))
    return Made(slice(stream, stream + 1), np.repeat(whole[None], periods[0], axis=1), match)


def _in_columns(kind: Kind, counts: Integers) -> Integers:
    """Counts (windows, groups or values) by column: of categories the frequent ones, and the others together."""
    if kind == "numeric":
        return counts
    found = np.zeros((len(counts), grid.WIDTH), dtype=np.int64)
    found[:, :OTHER], found[:, OTHER] = counts[:, :OTHER], counts[:, OTHER:].sum(axis=1)
    return found


def _put(made: Calibrations, rows: Integers, found: Usual) -> None:
    for name in ("levels", "rho", "mean", "sd", "tau", "lag"):
        getattr(made, name)[rows] = getattr(found, name)


def _summed(at: Integers, n: Integers, shape: tuple[int, ...]) -> Integers:
    found = np.bincount(at, weights=n, minlength=int(np.prod(shape)))
    return found.astype(np.int64).reshape(shape)
