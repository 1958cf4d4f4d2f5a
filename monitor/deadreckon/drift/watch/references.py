"""The references of all shares of the streams, put together: each is exchanged for its next when it moves on."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from deadreckon.drift.watch import read
from deadreckon.drift.watch.build import Kept, kept
from deadreckon.drift.watch.calibrate import OTHER
from deadreckon.drift.watch.calibrations import KINDS, Calibrations, Kind, joined
from deadreckon.drift.watch.evaluate import Reference
from deadreckon.drift.watch.reference import Version, Watch


class References:
    """What a watch holds windows against, as of one window and then the next."""

    def __init__(self, con: duckdb.DuckDBPyConnection, watch: Watch, place: Path) -> None:
        """`place`: the folder that calibrations are kept in."""
        self.watch = watch
        self.calibrations: dict[Kind, Calibrations] = {}
        self._con = con
        self._place = place
        self._versions: tuple[Version, ...] = ()
        self._kept: list[tuple[Kept, ...]] = []

    @property
    def streams(self) -> int:
        """How many streams are calibrated."""
        return int(sum(c.calibrated.sum() for c in self.calibrations.values()))

    def move(self, start: int) -> None:
        """Hold what a window that starts at this epoch second is judged by: what has not moved on stays."""
        versions = self.watch.versions(start)
        if versions == self._versions:
            return
        had = dict(zip(self._versions, self._kept, strict=True))
        self._kept = [had.get(version) or kept(self._con, version, self._place) for version in versions]
        self._versions = versions
        first: dict[str, int] = dict.fromkeys(KINDS, 0)
        folders = []
        for version, parts in zip(versions, self._kept, strict=True):
            folders.append((self._place / version.key, dict(first)))
            for part in parts:
                first[part.kind] += len(part.calibrations)
        read.make_known(self._con, folders)
        self.calibrations = {
            kind: joined([p.calibrations for p in parts])
            for kind, parts in zip(KINDS, zip(*self._kept, strict=True), strict=True)
        }

    def of(self, kind: Kind, start: int) -> Reference:
        """What the streams of one kind are held against in the window that starts at this epoch second."""
        cells, match = [], []
        for parts in self._kept:
            part = parts[KINDS.index(kind)]
            place = start // self.watch.cadence.seconds % len(part.match)
            cells.append(part.cells[place])
            match.append(part.match[place])
        return Reference(
            self._versions,
            kind,
            self.calibrations[kind],
            np.concatenate(cells).astype(np.int64),
            np.concatenate(match),
            partial(_names, self._con),
        )


def _names(con: duckdb.DuckDBPyConnection, stream: int) -> list[str]:
    rows = con.execute(
        'SELECT category FROM watch_columns WHERE stream = $stream AND "column" < $rare ORDER BY "column"',
        {"stream": stream, "rare": OTHER},
    ).fetchall()
    return [row[0] for row in rows]
