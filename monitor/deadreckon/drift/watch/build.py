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
from deadreckon.drift.watch.calibrate import OTHER, calibrated
from deadreckon.drift.watch.calibrations import KINDS, Calibrations, Kind
from deadreckon.drift.watch.reference import Version

AT_ONCE: Final = 4_000_000
"""Rows that are held in memory at once."""
UNUSED_S: Final = 14 * 86_400
"""Seconds after which calibrations that nobody asked for are removed."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The calibrations of one kind of a share's streams, and where their cells are: (cells, streams, WIDTH)."""

    kind: Kind
    calibrations: Calibrations
    cells: np.ndarray
    match: np.ndarray


def kept(con: duckdb.DuckDBPyConnection, version: Version, place: Path) -> tuple[Kept, ...]:
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
    return tuple(_load(folder, kind) for kind in KINDS)


def _forget(place: Path) -> None:
    """Remove what was not used for a while: references that moved on, and rules that were changed."""
    for info in place.glob("*/info.json"):
        if info.stat().st_mtime < time.time() - UNUSED_S:
            shutil.rmtree(info.parent, ignore_errors=True)


def _make(con: duckdb.DuckDBPyConnection, version: Version, folder: Path) -> None:
    read.make_streams(con, version)
    read.make_categories(con, version, OTHER)
    con.execute("COPY watch_streams TO $path (FORMAT parquet)", {"path": str(folder / "streams.parquet")})
    con.execute("COPY watch_categories TO $path (FORMAT parquet)", {"path": str(folder / "categories.parquet")})
    for kind in KINDS:
        found = con.execute(
            "SELECT n_rows, origin, scale FROM watch_streams WHERE kind = $kind ORDER BY stream", {"kind": kind}
        ).fetchnumpy()
        if not len(found["n_rows"]):
            continue
        rows = np.asarray(found["n_rows"], dtype=np.int64)
        made = Calibrations.empty(len(rows))
        made.origin[:] = found["origin"]
        made.bucket_scale[:] = np.ma.getdata(found["scale"]) if kind == "numeric" else 0
        shape = (version.watch.cadence.periods[0], len(rows), grid.WIDTH)
        match = np.zeros(shape[:2], dtype=np.uint8)
        path = folder / f"{kind}.cells.npy"
        np.lib.format.open_memmap(path, mode="w+", dtype=np.uint32, shape=shape).flush()
        for first, last in _batches(rows):
            batch = read.reference_rows(con, version, kind, (first, last))
            # Opened for each batch, so that what was written is not held in memory.
            cells = np.lib.format.open_memmap(path, mode="r+")
            for one in calibrated(version, kind, made, (first, last), batch):
                cells[:, one.rows], match[:, one.rows] = one.cells.swapaxes(0, 1), one.match.T
            del cells
        np.savez(folder / f"{kind}.npz", match=match, **{f.name: getattr(made, f.name) for f in fields(made)})
    about = {"reference": str(version), "share": [version.share, version.shares], "subjects": version.watch.subjects}
    (folder / "info.json").write_bytes(orjson.dumps(about))


def _batches(rows: Integers) -> Iterator[tuple[int, int]]:
    first, held = 0, 0
    for stream, count in enumerate(rows):
        if held and held + count > AT_ONCE:
            yield first, stream
            first, held = stream, 0
        held += int(count)
    if held:
        yield first, len(rows)


def _load(folder: Path, kind: Kind) -> Kept:
    path = folder / f"{kind}.npz"
    if not path.exists():
        return Kept(kind, Calibrations.empty(0), np.zeros((1, 0, grid.WIDTH), np.uint32), np.zeros((1, 0), np.uint8))
    with np.load(path) as arrays:
        match = arrays["match"]
        found = Calibrations(*(arrays[f.name] for f in fields(Calibrations)))
    return Kept(kind, found, np.load(folder / f"{kind}.cells.npy", mmap_mode="r"), match)
