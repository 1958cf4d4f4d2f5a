"""Calibrations made from profiles, a few streams at a time, and kept in a folder that anyone may delete.

Everything in it can be made again from the profiles. It is kept because a run must not read 28 days to judge an hour,
and because a reference that stays as it was calibrated gives the same verdict whenever it is asked.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final
from uuid import uuid4

import duckdb
import numpy as np
import orjson

from deadreckon.drift.buckets import Integers
from deadreckon.drift.watch import grid, read
from deadreckon.drift.watch.calibrations import KINDS, Calibrations, Kind, calibrated
from deadreckon.drift.watch.reference import Version

AT_ONCE: Final = 2_000_000
"""Rows that are held in memory at once."""
UNUSED_S: Final = 14 * 86_400
"""Seconds after which calibrations that nobody asked for are removed."""
OTHER: Final = grid.INNER
"""The column of a categorical stream's rare values; before it are the frequent ones."""
NEW: Final = grid.WIDTH - 1
"""The column of values that the reference does not have."""


@dataclass(frozen=True, slots=True)
class Family:
    """The calibrations of one kind of stream, and where their cells are: (cells, streams, WIDTH)."""

    kind: Kind
    calibrations: Calibrations
    cells: np.ndarray
    match: np.ndarray

    def cell(self, window: int) -> tuple[Integers, Integers]:
        """The reference's counts of every stream for a window with this number, and by what they match."""
        place = window % len(self.match)
        return self.cells[place].astype(np.int64), self.match[place]


@dataclass(frozen=True, slots=True)
class Kept:
    """A reference's calibrations in their folder."""

    version: Version
    folder: Path
    families: tuple[Family, ...]

    @property
    def streams(self) -> int:
        """How many streams are calibrated."""
        return int(sum(f.calibrations.calibrated.sum() for f in self.families))


def kept(con: duckdb.DuckDBPyConnection, version: Version, place: Path) -> Kept:
    """The calibrations of a reference: those in the folder `place`, or made now from the profiles of `con`."""
    folder = place / version.key
    if not (folder / "info.json").exists():
        place.mkdir(parents=True, exist_ok=True)
        temporary = place / f".{version.key}.{uuid4()}"
        temporary.mkdir()
        try:
            _make(con, version, temporary)
            if folder.exists():  # half of one, which nobody finished
                shutil.rmtree(folder)
            try:
                temporary.rename(folder)
            except OSError:  # another was faster, and made the same
                if not (folder / "info.json").exists():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        _forget(place)
    (folder / "info.json").touch()
    return Kept(version, folder, tuple(_load(folder, kind) for kind in KINDS))


def _forget(place: Path) -> None:
    """Remove what was not used for a while: references that moved on, and rules that were changed."""
    for info in place.glob("*/info.json"):
        if info.stat().st_mtime < time.time() - UNUSED_S:
            shutil.rmtree(info.parent, ignore_errors=True)


def _make(con: duckdb.DuckDBPyConnection, version: Version, folder: Path) -> None:
    watch = version.watch
    read.make_streams(con, watch, version.start, version.end)
    read.make_categories(con, watch, version.start, version.end, OTHER)
    con.execute("COPY watch_streams TO $path (FORMAT parquet)", {"path": str(folder / "streams.parquet")})
    con.execute("COPY watch_categories TO $path (FORMAT parquet)", {"path": str(folder / "categories.parquet")})
    for kind in KINDS:
        found = con.execute(
            "SELECT n_rows, origin, scale FROM watch_streams WHERE kind = $kind ORDER BY stream", {"kind": kind}
        ).fetchnumpy()
        rows = np.asarray(found["n_rows"], dtype=np.int64)
        made = Calibrations.empty(len(rows))
        made.origin[:] = found["origin"]
        made.bucket_scale[:] = np.ma.getdata(found["scale"]) if kind == "numeric" else 0
        shape = (watch.cadence.periods[0], len(rows), grid.WIDTH)
        match = np.zeros(shape[:2], dtype=np.uint8)
        path = folder / f"{kind}.cells.npy"
        if len(rows):
            np.lib.format.open_memmap(path, mode="w+", dtype=np.uint32, shape=shape).flush()
        for first, last in _batches(rows):
            found = read.reference_rows(con, watch, version.start, version.end, kind, (first, last))
            ends = np.searchsorted(found["stream"], np.arange(first, last + 1))
            block = np.zeros((shape[0], last - first, grid.WIDTH), dtype=np.uint32)
            for stream in range(first, last):
                chosen = slice(ends[stream - first], ends[stream - first + 1])
                one = {name: column[chosen] for name, column in found.items()}
                block[:, stream - first], match[:, stream] = _stream(version, kind, made, stream, one)
            # Opened for each batch, so that what was written is not held in memory.
            np.lib.format.open_memmap(path, mode="r+")[:, first:last] = block
        np.savez(folder / f"{kind}.npz", match=match, **{f.name: getattr(made, f.name) for f in fields(made)})
    about = {"reference": str(version), "start": version.start, "end": version.end, "subjects": watch.subjects}
    (folder / "info.json").write_bytes(orjson.dumps(about))


def _stream(
    version: Version, kind: Kind, made: Calibrations, stream: int, rows: read.Arrays
) -> tuple[Integers, Integers]:
    """Fill in one stream; its cells, and by what they match."""
    watch = version.watch
    slots, which = np.unique(rows["slot"], return_inverse=True)
    enough = np.bincount(which, weights=rows["n"], minlength=len(slots)) >= watch.least
    width = watch.cadence.periods[0]
    if not enough.any():
        return np.zeros((width, grid.WIDTH), dtype=np.int64), np.full(width, len(watch.cadence.periods))
    chosen = enough[which]
    renumbered = np.cumsum(enough) - 1
    which, n, place = renumbered[which[chosen]], rows["n"][chosen], rows["place"][chosen]
    fitted = None
    if kind == "numeric":
        key = grid.at_scale(place, rows["scale"][chosen], made.bucket_scale[stream : stream + 1])
        distinct, back = np.unique(key, return_inverse=True)
        mass = np.bincount(back, weights=n).astype(np.int64)
        fitted = grid.fit(distinct, mass, float(made.origin[stream]), int(made.bucket_scale[stream]))
        place = grid.place(fitted.upper[None], np.zeros(len(key), dtype=np.int64), key)
    windows = int(enough.sum())
    counts = np.bincount(which * grid.WIDTH + place, weights=n, minlength=windows * grid.WIDTH)
    counts = counts.astype(np.int64).reshape(windows, grid.WIDTH)
    new = np.bincount(which, weights=n * rows["single"][chosen], minlength=windows).astype(np.int64)
    found, cells, match = calibrated(slots[enough], counts, new, fitted, watch.cadence)
    made.put(stream, counts, found, fitted)
    return cells, match


def _batches(rows: Integers) -> Iterator[tuple[int, int]]:
    first, held = 0, 0
    for stream, count in enumerate(rows):
        if held and held + count > AT_ONCE:
            yield first, stream
            first, held = stream, 0
        held += int(count)
    if held:
        yield first, len(rows)


def _load(folder: Path, kind: Kind) -> Family:
    with np.load(folder / f"{kind}.npz") as arrays:
        match = arrays["match"]
        found = Calibrations(*(arrays[f.name] for f in fields(Calibrations)))
    path = folder / f"{kind}.cells.npy"
    cells = np.load(path, mmap_mode="r") if path.exists() else np.zeros((*match.shape, grid.WIDTH), dtype=np.uint32)
    return Family(kind, found, cells, match)
