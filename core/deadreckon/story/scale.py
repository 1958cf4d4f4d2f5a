"""The story at any size: one file of native events, in the order in which they were written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import accumulate
from operator import itemgetter
from os import sched_getaffinity
from pathlib import Path
from typing import BinaryIO, Final

from deadreckon.story import plot
from deadreckon.story.dice import Dice
from deadreckon.story.traffic import Traffic, regulars

_SLICE_EVENTS: Final = 4_000
"""Events made in one go. A slice has dice of its own, so that slices can be made in any order, side by side."""


def write_scaled(out: BinaryIO, events: int, *, seed: int | str = plot.SEED, jobs: int | None = None) -> int:
    """Write exactly this many events as JSON lines; returns the bytes written. The bytes do not depend on `jobs`."""
    slices = list(_slices(events))
    jobs = jobs or min(len(sched_getaffinity(0)), 1 + len(slices) // 8)
    make = partial(_slice, seed)
    written = 0
    if jobs == 1:
        for part in map(make, slices):
            written += out.write(part)
    else:
        with ProcessPoolExecutor(jobs) as pool:
            for part in pool.map(make, slices, chunksize=2):
                written += out.write(part)
    return written


def write_scaled_file(path: Path, events: int, *, seed: int | str = plot.SEED, jobs: int | None = None) -> int:
    """Write exactly this many events to a file; returns its size in bytes."""
    with path.open("wb") as file:
        return write_scaled(file, events, seed=seed, jobs=jobs)


def _slices(events: int) -> Iterator[tuple[int, int, int]]:
    """The story's time cut into parts of about equal work: number, first hour's weight position, events."""
    count = max(1, round(events / _SLICE_EVENTS))
    for number in range(count):
        yield number, count, events * (number + 1) // count - events * number // count


_REACHED: Final = tuple(accumulate(plot.WEIGHTS))


def moment(share: float) -> int:
    """When this share (0 to 1) of all traffic has come, in microseconds since 1970."""
    wanted = share * _REACHED[-1]
    hour = min(bisect_left(_REACHED, wanted), len(_REACHED) - 1)
    within = 1.0 - (_REACHED[hour] - wanted) / plot.WEIGHTS[hour]
    return plot.START + int((hour + within) * plot.HOUR)


def _slice(seed: int | str, which: tuple[int, int, int]) -> bytes:
    number, count, events = which
    dice = Dice(f"{seed}:{number}/{count}")
    # User ids as emit writes them: hashed.
    customers = [(f"sha256:{sha256(user.encode()).hexdigest()}", age, tickets) for user, age, tickets in regulars(seed)]
    traffic = Traffic(dice, customers, private=0.02)
    lines = traffic.pen.lines
    while len(lines) < events:
        traffic.session(moment((number + dice.random()) / count))
    del lines[events:]
    lines.sort(key=itemgetter(0))
    return b"".join([line for _, line in lines])
