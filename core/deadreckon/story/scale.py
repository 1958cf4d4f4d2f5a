"""The story at any size: one file of native events, in the order in which they were written."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, Final

import orjson

from deadreckon.story import plot
from deadreckon.story.dice import Dice
from deadreckon.story.traffic import Stamped, Traffic

EVENTS_PER_SESSION: Final = 15.0
"""Events that a session leaves on average, kept a little low so that a file fills just before its last hour ends."""


def hours(traffic: Traffic, sessions: float) -> Iterator[list[Stamped]]:
    """The story's events hour by hour, sorted by the time of writing; about this many sessions in all."""
    per_weight = sessions / sum(plot.WEIGHTS)
    owed = 0.0
    carried: list[Stamped] = []
    for hour, weight in enumerate(plot.WEIGHTS):
        owed += weight * per_weight
        begin = plot.START + hour * plot.HOUR
        for _ in range(int(owed)):
            carried += traffic.session(begin + int(traffic.dice.random() * plot.HOUR))
        owed -= int(owed)
        carried.sort(key=itemgetter(0))
        end = begin + plot.HOUR
        cut = _first_at(carried, end)
        yield carried[:cut]
        carried = carried[cut:]
    yield carried


def write_scaled(out: BinaryIO, events: int, *, seed: int | str = plot.SEED) -> int:
    """Write exactly this many events as JSON lines; returns the bytes written."""
    traffic = Traffic(Dice(seed), private=0.02)
    dumps, newline = orjson.dumps, orjson.OPT_APPEND_NEWLINE
    left, written = events, 0
    # A short file may end before its last session does: more sessions than needed cost nothing, too few would.
    for hour in hours(traffic, events / EVENTS_PER_SESSION + 60):
        chunk = b"".join([dumps(event, None, newline) for _, event in hour[:left]])
        out.write(chunk)
        written += len(chunk)
        left -= min(left, len(hour))
        if not left:
            break
    return written


def write_scaled_file(path: Path, events: int, *, seed: int | str = plot.SEED) -> int:
    """Write exactly this many events to a file; returns its size in bytes."""
    with path.open("wb", buffering=1 << 20) as file:
        return write_scaled(file, events, seed=seed)


def _first_at(stamped: list[Stamped], us: int) -> int:
    low, high = 0, len(stamped)
    while low < high:
        middle = (low + high) // 2
        if stamped[middle][0] < us:
            low = middle + 1
        else:
            high = middle
    return low
