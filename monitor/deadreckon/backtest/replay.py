"""Rules over the past, as if cron had run the monitor every few minutes: the code of a run, and nothing is written."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from deadreckon.backtest.trail import Trail
from deadreckon.backtest.values import Ahead, Along, AsSeen, Counting, Pinned
from deadreckon.core.lake import Lake
from deadreckon.monitor.measure import Asker, Meter
from deadreckon.monitor.remember import Remembering
from deadreckon.monitor.rules import Rule
from deadreckon.monitor.run import Progress, walk
from deadreckon.monitor.schedule import due


@dataclass(frozen=True, slots=True)
class Backtest:
    """What all rules went through. Times are epoch seconds."""

    moments: Sequence[int]
    """When the monitor would have run."""
    trails: tuple[Trail, ...]

    @property
    def until(self) -> int:
        """The last run."""
        return self.moments[-1]


def moments(start: float, end: float, every: int) -> range:
    """When cron would have come by: the multiples of `every` from `start` to `end`, both included (epoch seconds)."""
    return range(-int(-start // every) * every, int(end) + 1, every)


def backtest(
    lake: Lake,
    rules: Sequence[Sequence[Rule]],
    ask: Callable[[Lake], AbstractContextManager[Asker]],
    runs: Sequence[int],
) -> Backtest:
    """Evaluate rules as runs at these moments would have, the first of them in a lake without states.

    `rules`: each with its variants, which measure the same and differ in what they make of it; one rule alone is its
    own and only variant. `ask` opens what answers SQL on a lake; where that is a `Seen`, each
    run knows what had been ingested by then, and else all that is in the lake. The lake is only read, at one snapshot.

    Raises:
        LakeError: the lake cannot be read.
    """
    trails: list[Trail] = []
    with ask(Pinned(lake)) as asker, tempfile.TemporaryDirectory(prefix="backtest-") as folder:
        counting = Counting(asker)
        aside = Pinned(lake, Path(folder))
        for variants in rules:
            counting.begin(variants[0])
            began = time.perf_counter()
            found = _replay(aside, variants, counting, runs)
            for trail in found:
                trail.seconds = (time.perf_counter() - began) / len(found)
                trail.queries, trail.rows = counting.queries, counting.rows
            trails += found
    return Backtest(runs, tuple(trails))


def _replay(lake: Lake, variants: Sequence[Rule], asker: Counting, runs: Sequence[int]) -> list[Trail]:
    rule = variants[0]
    last = due(rule, evaluated=None, as_of=runs[-1]).last
    values: Along | AsSeen | Ahead
    if isinstance(rule, Remembering):
        values = Along(lake, rule, last)
    else:
        values = AsSeen(asker, asker.seen, rule) if asker.seen else Ahead(Meter(asker), rule, last)
    ways = [(Progress(one, {}), Trail(one)) for one in variants]
    evaluated: int | None = None
    for moment in runs:
        steps = due(rule, evaluated=evaluated, as_of=moment)
        if not len(steps):
            continue
        measured = list(values.of(steps, ways[0][0].streams, moment))
        for progress, trail in ways:
            for _ in walk(progress, steps, measured):
                trail.note(progress, moment)
            trail.windows, trail.skipped = progress.windows, progress.skipped + steps.skipped
        evaluated = ways[0][0].end
    return [trail for _, trail in ways]
