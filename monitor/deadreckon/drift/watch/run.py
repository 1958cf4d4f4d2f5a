"""Windows of a lake's profiles judged one after the other: what a drift rule does in a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import orjson

from deadreckon.drift.buckets import Integers
from deadreckon.drift.detector.edetector import Budget
from deadreckon.drift.watch import grid, read
from deadreckon.drift.watch.build import NEW, OTHER, Family, Kept, kept
from deadreckon.drift.watch.evaluate import Reference, Window, evaluate
from deadreckon.drift.watch.reference import Watch, labels_of
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
    reference: Kept | None = None
    for start in starts:
        version = watch.version(start)
        if reference is None or reference.version != version:
            reference = kept(con, version, place)
        found = windows(con, reference, start, states)
        fleet = max(1, reference.streams, sum(int((w.which >= 0).sum()) for w in found))
        allowed = budget(fleet)
        verdicts: list[Verdict] = []
        parts: list[States] = []
        for family, window in zip(reference.families, found, strict=True):
            cell, match = family.cell(start // watch.cadence.seconds)
            held = Reference(version, family.kind, family.calibrations, cell, match, partial(_names, con, reference))
            said, after = evaluate(held, window, states, allowed)
            verdicts += said
            parts.append(after)
        states = states.updated(parts)
        yield Judged(start + watch.cadence.seconds, tuple(verdicts), states)


def windows(con: duckdb.DuckDBPyConnection, reference: Kept, start: int, states: States) -> list[Window]:
    """The window's streams of each kind, with those that have a state and no value in it."""
    watch = reference.version.watch
    expected = [orjson.loads(label) for label in states.labels]
    present = read.make_present(con, watch, start, str(reference.folder / "streams.parquet"), expected)
    categories = str(reference.folder / "categories.parquet")
    found: list[Window] = []
    for family in reference.families:
        rows = [row for row in present if row[1] == family.kind]
        labels = tuple(labels_of(row[4], dict(zip(watch.group_by, row[5:], strict=True))) for row in rows)
        which = np.array([-1 if row[2] is None else row[2] for row in rows], dtype=np.int64)
        n = np.array([row[3] for row in rows], dtype=np.int64)
        arrays = read.window_rows(con, watch, start, family.kind, categories)
        found.append(_window(family, start + watch.cadence.seconds, labels, which, n, arrays))
    return found


def _names(con: duckdb.DuckDBPyConnection, reference: Kept, stream: int) -> list[str]:
    rows = con.execute(
        'SELECT category FROM read_parquet($file) WHERE stream = $stream AND "column" < $rare ORDER BY "column"',
        {"file": str(reference.folder / "categories.parquet"), "stream": stream, "rare": OTHER},
    ).fetchall()
    return [row[0] for row in rows]


def _window(
    family: Family, end: int, labels: tuple[str, ...], which: Integers, n: Integers, rows: read.Arrays
) -> Window:
    shape = (len(labels), grid.WIDTH)
    ids, counted = rows["id"], rows["n"]
    stream = which[ids]
    new = np.zeros(len(labels), dtype=np.int64)
    excess = np.zeros(len(labels))
    if family.kind == "numeric":
        key = grid.at_scale(rows["place"], rows["scale"], family.calibrations.bucket_scale[stream])
        column = grid.place(family.calibrations.upper, stream, key)
        outside = counted * family.calibrations.outside(stream, key)
        excess = np.bincount(ids, weights=outside, minlength=len(labels)) / np.maximum(n, 1)
    else:
        fresh = rows["place"] < 0
        column = np.where(fresh, NEW, rows["place"])
        new = np.bincount(ids, weights=counted * fresh, minlength=len(labels)).astype(np.int64)
    flat = np.bincount(ids * grid.WIDTH + column, weights=counted, minlength=shape[0] * shape[1])
    return Window(end, labels, which, flat.astype(np.int64).reshape(shape), new, excess, n)
