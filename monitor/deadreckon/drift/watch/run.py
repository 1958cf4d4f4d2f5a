"""Windows of a lake's profiles judged one after the other: what a drift rule does in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import orjson

from deadreckon.drift.buckets import Integers
from deadreckon.drift.detector.edetector import Budget
from deadreckon.drift.watch import grid, read
from deadreckon.drift.watch.calibrate import NEW
from deadreckon.drift.watch.calibrations import KINDS, Calibrations, Kind
from deadreckon.drift.watch.evaluate import Window, evaluate
from deadreckon.drift.watch.reference import Watch, labels_of
from deadreckon.drift.watch.references import References
from deadreckon.drift.watch.states import States
from deadreckon.drift.watch.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """One window: the verdicts on its streams, and the states of all streams after it."""

    end: int
    verdicts: tuple[Verdict, ...]
    states: States


def judge(
    con: duckdb.DuckDBPyConnection,
    watch: Watch,
    starts: Iterable[int],
    states: States,
    budget: Callable[[int], Budget],
    place: Path,
) -> Iterator[Judged]:
    """Judge the windows that start at these epoch seconds, in their order.

    `con` is of `deadreckon.profiles.relations.connect`; `place`: the folder that calibrations are kept in;
    `budget` says what may be spent, given how many streams of this rule are in the fleet.
    """
    con.execute("SET enable_progress_bar = false")  # it would be printed among a command's answers
    references = References(con, watch, place)
    for start in starts:
        references.move(start)
        found = windows(con, references, start, states)
        fleet = max(1, references.streams, sum(int((w.which >= 0).sum()) for w in found))
        allowed = budget(fleet)
        verdicts: list[Verdict] = []
        parts: list[States] = []
        for window in found:
            said, after = evaluate(references.of(window.kind, start), window, states, allowed)
            verdicts += said
            parts.append(after)
        states = states.updated(parts)
        yield Judged(start + watch.cadence.seconds, tuple(verdicts), states)


def windows(con: duckdb.DuckDBPyConnection, references: References, start: int, states: States) -> list[Window]:
    """The window's streams of each kind, with those that have a state and no value in it."""
    watch = references.watch
    expected = [orjson.loads(label) for label in states.labels]
    present = read.make_present(con, watch, start, expected)
    found: list[Window] = []
    for kind in KINDS:
        rows = [row for row in present if row[1] == kind]
        labels = tuple(labels_of(row[5], dict(zip(watch.group_by, row[6:], strict=True))) for row in rows)
        which = np.array([-1 if row[2] is None else row[2] for row in rows], dtype=np.int64)
        share = np.array([row[3] for row in rows], dtype=np.int64)
        n = np.array([row[4] for row in rows], dtype=np.int64)
        arrays = read.window_rows(con, watch, kind)
        end = start + watch.cadence.seconds
        found.append(_window(kind, references.calibrations[kind], end, labels, which, share, n, arrays))
    return found


def _window(
    kind: Kind,
    calibrations: Calibrations,
    end: int,
    labels: tuple[str, ...],
    which: Integers,
    share: Integers,
    n: Integers,
    rows: read.Arrays,
) -> Window:
    shape = (len(labels), grid.WIDTH)
    ids, counted = rows["id"], rows["n"]
    stream = which[ids]
    new = np.zeros(len(labels), dtype=np.int64)
    excess = np.zeros(len(labels))
    if kind == "numeric":
        key = grid.at_scale(rows["place"], rows["scale"], calibrations.bucket_scale[stream])
        column = grid.place(calibrations.upper, stream, key)
        outside = counted * calibrations.outside(stream, key)
        excess = np.bincount(ids, weights=outside, minlength=len(labels)) / np.maximum(n, 1)
    else:
        fresh = rows["place"] < 0
        column = np.where(fresh, NEW, rows["place"])
        new = np.bincount(ids, weights=counted * fresh, minlength=len(labels)).astype(np.int64)
    flat = np.bincount(ids * grid.WIDTH + column, weights=counted, minlength=shape[0] * shape[1])
    return Window(kind, end, labels, which, share, flat.astype(np.int64).reshape(shape), new, excess, n)
