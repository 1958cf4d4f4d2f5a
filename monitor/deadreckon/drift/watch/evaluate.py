"""One window of many streams judged at once: reference, window and state in, verdicts and the new state out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from deadreckon.drift.buckets import Floats, Integers
from deadreckon.drift.detector import scores
from deadreckon.drift.detector.calibration import innovations
from deadreckon.drift.detector.edetector import Budget, accumulate, e_values, total
from deadreckon.drift.detector.scores import FLOORS, Scored
from deadreckon.drift.watch import moved
from deadreckon.drift.watch.brackets import brackets
from deadreckon.drift.watch.calibrations import Calibrations, Kind
from deadreckon.drift.watch.moved import Moved
from deadreckon.drift.watch.power import fastest, windows_needed
from deadreckon.drift.watch.reference import Fixed, Version, Watch
from deadreckon.drift.watch.states import NEVER, States
from deadreckon.drift.watch.verdict import Measure, State, Verdict

MODES: Final = ("innovations", "drawn")
QUIET: Final = 6
"""Windows in a row without evidence after which an alarm is over."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What a window is held against: calibrations and their counts in its cell, by stream of the reference."""

    versions: tuple[Version, ...]
    """By share."""
    kind: Kind
    calibrations: Calibrations
    cell: Integers
    match: Integers
    names: Callable[[int], Sequence[str]]
    """The frequent values of a categorical stream of the reference, by column."""


@dataclass(frozen=True, slots=True)
class Window:
    """The counts of one window (its end in epoch seconds) by stream and group.

    `which`: each one's row in the reference, -1 where it has none; `share`: of the streams, which each is of; `n`:
    values; `new`: those of categories that the reference does not have; `excess`: how far outside of the reference's
    range they lie, on average.
    """

    kind: Kind
    end: int
    labels: tuple[str, ...]
    which: Integers
    share: Integers
    counts: Integers
    new: Integers
    excess: Floats
    n: Integers


def evaluate(reference: Reference, window: Window, before: States, budget: Budget) -> tuple[list[Verdict], States]:
    """Judge one window; a pure function of what it is given. The states are those of the window's streams alone.

    A window with too few values changes nothing in what is remembered.
    """
    watch = reference.versions[0].watch
    after = before.of(window.labels)
    used = _used(reference, window.which)
    limits = used.limits(budget.streams)
    able = used.calibrated & (fastest(used, limits, budget) <= watch.cadence.longest)
    rows = np.flatnonzero(able & (window.n >= watch.least))
    after.spread(np.where(able, used.lag, after.lag))

    few, cell = used.take(rows), reference.cell[window.which[rows]]
    scored = _scored(reference.kind, few, cell, window.counts[rows], window.new[rows])
    z = _counting(few, scored)
    innovation = innovations(z, after.previous[rows], few.rho, few.mean, few.sd, few.lag)
    e = np.ones(len(able))
    e[rows] = e_values(few.levels, limits[rows], innovation, scored.large_enough)
    reached = total(after.evidence)
    evidence = after.evidence[rows]
    reached[rows] = accumulate(evidence, after.windows[rows], few.lag, e[rows], budget)
    alarm = np.zeros(len(able), dtype=bool)
    alarm[rows] = reached[rows] >= budget.threshold

    after.evidence[rows] = evidence
    after.previous[rows] = z
    after.windows[rows] += 1
    after.seen[rows] = window.end
    after.quiet[rows] = np.where(e[rows] > 1, 0, after.quiet[rows] + 1)
    after.alarmed[rows[after.quiet[rows] >= QUIET]] = NEVER
    after.alarmed[alarm] = window.end

    bounds = brackets(reference.kind, few, cell, window.counts[rows], window.excess[rows], scored)
    measures = _measures(few, scored, innovation, *bounds)
    judged, needed = {int(row): place for place, row in enumerate(rows)}, windows_needed(watch.cadence, budget)
    names = [(str(version), version.key) for version in reference.versions]
    found: list[Verdict] = []
    for row, label in enumerate(window.labels):
        place, n, lag = judged.get(row), int(window.n[row]), int(used.lag[row])
        windows, alarmed = int(used.windows[row]), int(after.alarmed[row])
        reason, against, match = "", 0, ""
        name, key = names[window.share[row]]
        measured: tuple[Measure, ...] = ()
        parts: tuple[Moved, ...] = ()
        state: State = "firing" if alarmed else "ok"
        if place is not None:
            against, measured = int(cell[place].sum()), measures[place]
            match = watch.cadence.matches[int(reference.match[window.which[row]])]
            if alarmed:
                parts = _moved(reference, few, place, cell[place], window, row)
        elif able[row]:
            state, reason = "no_data", f"{n} of at least {watch.least} values in the window"
        else:
            state, reason = "learning", _too_little(watch, name, windows, int(used.n[row]), needed)
        mode = "" if not able[row] else f"interleaved {lag}" if lag > 1 else MODES[int(used.drawn[row])]
        numbers = float(e[row]), float(reached[row]), budget.threshold
        found.append(
            Verdict(
                label, window.end, state, n, reason, name, key, windows, mode, *numbers,
                bool(alarm[row]), alarmed, int(after.seen[row]), against, match, measured, parts,
            )
        )  # fmt: skip
    return found, after


def _moved(
    reference: Reference, used: Calibrations, place: int, cell: Integers, window: Window, row: int
) -> tuple[Moved, ...]:
    if reference.kind == "numeric":
        return moved.numbers(used, place, cell, window.counts[row])
    return moved.categories(reference.names(int(window.which[row])), cell, window.counts[row])


def _too_little(watch: Watch, name: str, windows: int, n: int, needed: int) -> str:
    has = f"the reference {name} has {windows} {watch.cadence.name} windows of {watch.least} values or more"
    if windows >= needed:
        return f"{has}, too dependent ones to judge by"
    if isinstance(watch.reference, Fixed):
        if n >= needed * watch.least:
            return f"the reference {name} has {n} values, too few to tell how frequent its many categories are"
        return f"{has} ({n} values), and at least {needed}, or {needed * watch.least} values, are needed"
    return f"{has}, and at least {needed} are needed"


def _used(reference: Reference, which: Integers) -> Calibrations:
    """The calibration of each of the window's streams; an empty one where it has none."""
    known = reference.calibrations
    if not len(known):
        return Calibrations.empty(len(which))
    used = known.take(np.maximum(which, 0))
    used.windows[which < 0] = used.n[which < 0] = 0
    return used


def _scored(kind: Kind, used: Calibrations, cell: Integers, counts: Integers, new: Integers) -> Scored:
    if kind == "numeric":
        return scores.numeric(cell, counts, used.middle, used.scale, used.lasts)
    return scores.categorical(cell, counts, new)


def _counting(used: Calibrations, scored: Scored) -> Floats:
    """The scores that are held against the levels.

    How windows differ from hour to hour cannot be known by drawn ones: what is under the floors is usual then.
    """
    return np.where(used.drawn[:, None], scored.beyond, scored.z)


def _measures(
    used: Calibrations, scored: Scored, innovation: Floats, low: Floats, high: Floats
) -> list[tuple[Measure, ...]]:
    counted = scored.large_enough & (innovation[:, :, None] > used.levels).any(axis=2)
    floors = [FLOORS[name] for name in scored.names]
    columns = (scored.effect.tolist(), low.tolist(), high.tolist(), counted.tolist())
    return [
        tuple(Measure(*one) for one in zip(scored.names, *four, strict=True))
        for four in ((v, a, b, floors, c) for v, a, b, c in zip(*columns, strict=True))
    ]
