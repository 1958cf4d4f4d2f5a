"""The inputs that the ledger knows, and whether they can be read again."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from deadreckon.core import schema
from deadreckon.core.doctor.contents import tail_before
from deadreckon.core.doctor.history import Range
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance.merge import READ, describe
from deadreckon.core.maintenance.tables import LiveFile, live_files
from deadreckon.core.tail import digest

NEWEST: Final = f"""
    FROM {READ} SELECT source_id, max(end_offset), arg_max(source_path, end_offset), arg_max(tail_hash, end_offset)
    WHERE record = 'source' GROUP BY source_id
"""

RANGES: Final = f"""
    FROM {READ} SELECT source_id, source_offset, end_offset
    WHERE (record = 'source' OR error_code = 'lost') AND end_offset > source_offset ORDER BY source_id, source_offset
"""


PIPES: Final = ("stdin-", "pipe-")
"""What the ids of inputs begin with that can be read only once."""


class State(StrEnum):
    """What became of an input, as a message says it."""

    there = "which is still there"
    changed = "which is not the same any more"
    gone = "which is gone"
    unreadable = "which cannot be read now, so that it cannot be known whether it is the same"
    pipe = "a pipe: it cannot be known whether its writer still has them"
    unknown = "of which the ledger does not know any more which file it was"

    @property
    def hopeless(self) -> bool:
        """Whether it is certain that what was read cannot be had again from under that name."""
        return self in (State.changed, State.gone)


@dataclass(frozen=True, slots=True)
class Input:
    """What the ledger knows of an input. `end` counts decompressed bytes."""

    path: str
    end: int
    tail_hash: str
    source_id: str = ""

    @property
    def readable(self) -> bool:
        """Whether what was read of it can be read again, byte for byte, under the same name."""
        return self.state is State.there

    @property
    def state(self) -> State:
        """What became of it since."""
        if self.source_id.startswith(PIPES):
            return State.pipe
        try:
            status = Path(self.path).stat()
            if not stat.S_ISREG(status.st_mode):
                return State.changed  # a folder or a pipe has its name, and opening a pipe would wait for its writer
            file = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            return _compare(self, file)
        except (FileNotFoundError, NotADirectoryError):
            return State.gone
        except OSError:
            return State.unreadable


@lru_cache(maxsize=4096)
def _compare(known: Input, _file: tuple[int, ...]) -> State:
    # Remembered as long as the file is the same, because a large archive takes its time at each look.
    tail = tail_before(Path(known.path), known.end)
    if tail is None:
        return State.changed
    return State.there if digest(tail) == known.tail_hash else State.changed


def whole_files(lake: Lake, part: str) -> list[LiveFile]:
    """The live files of one part that can be read at all."""
    found = []
    for file in live_files(lake.table())[0]:
        if dict(file.partition).get("part") == part:
            try:
                pq.read_metadata(file.path)
            except (OSError, pa.ArrowException):
                continue
            found.append(file)
    return found


def inputs(lake: Lake) -> dict[str, Input]:
    """Every input that a readable part of the ledger knows."""
    files = [str(f.path) for f in whole_files(lake, schema.PART_LEDGER)]
    if not files:
        return {}
    with duckdb.connect() as connection:
        if "tail_hash" not in describe(connection, {"files": files}):
            return {}
        rows = connection.execute(NEWEST, {"files": files}).fetchall()
    return {source: Input(path or "", end, tail or "", source) for source, end, path, tail in rows}


def inputs_of(lake: Lake) -> dict[str, str]:
    """The paths of inputs by their ids."""
    return {source: found.path or source for source, found in inputs(lake).items()}


def unread(lake: Lake) -> list[Range]:
    """Bytes of inputs that lie before others that were read, and that no ledger row speaks of, not even as lost."""
    files = [str(f.path) for f in whole_files(lake, schema.PART_LEDGER)]
    if not files:
        return []
    found: list[Range] = []
    source, reached = "", 0
    for source_id, start, end in duckdb.execute(RANGES, {"files": files}).fetchall():
        if source_id != source:
            source, reached = source_id, 0
        if start > reached:
            found.append(Range(source_id, reached, start))
        reached = max(reached, end)
    return found
