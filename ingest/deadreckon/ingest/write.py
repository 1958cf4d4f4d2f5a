"""Decoded rows to Parquet files in the lake's folder, durable before anyone commits them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core import schema
from deadreckon.core.durable import fsync_all
from deadreckon.core.errors import LakeError
from deadreckon.core.lake import Lake
from deadreckon.core.pending import gone
from deadreckon.ingest import arrays
from deadreckon.ingest.convert import literal
from deadreckon.ingest.session import Reader

OPTIONS: Final = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 2000, RETURN_STATS true"
"""Ids, most of an event's bytes, never repeat enough: larger dictionaries take longer to build, and more room."""
LEDGER_ROWS: Final = 20_000
"""Ledger rows that are objects of Python at a time."""


@dataclass(slots=True)
class Files:
    """Parquet files written but not yet committed; `discard` removes them, as if they had never been."""

    root: Path
    actions: list[AddAction] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)

    def add(self, path: Path, rows: int, partition: Mapping[str, str], bounds: Mapping[str, tuple[str, str]]) -> None:
        """Note a file that was written whole."""
        stats = {
            "numRecords": rows,
            "minValues": {k: low for k, (low, _) in bounds.items()},
            "maxValues": {k: high for k, (_, high) in bounds.items()},
            "nullCount": dict.fromkeys(bounds, 0),
        }
        status = path.stat()
        name = path.relative_to(self.root).as_posix()
        milliseconds, data_change = int(status.st_mtime * 1000), True
        self.actions.append(
            AddAction(name, status.st_size, dict(partition), milliseconds, data_change, json.dumps(stats))
        )

    def only(self, paths: Collection[Path]) -> Files:
        """Some of these files."""
        names = {path.relative_to(self.root).as_posix() for path in paths}
        return Files(self.root, [action for action in self.actions if action.path in names], list(paths))

    def remove(self, path: Path) -> None:
        """Remove one file, and forget it."""
        name = path.relative_to(self.root).as_posix()
        self.actions = [action for action in self.actions if action.path != name]
        self.paths.remove(path)
        path.unlink(missing_ok=True)

    def make_durable(self) -> None:
        """Force every file, and the folders that name it, to the disk.

        Raises:
            CommitConflictError: one was removed meanwhile by vacuum, which takes long waiting for being abandoned.
        """
        try:
            fsync_all(self.paths, up_to=self.root)
        except FileNotFoundError as error:
            raise gone(Path(error.filename)) from error

    def discard(self) -> None:
        """Remove what was written; what cannot be removed is an orphan that `reckon maintain` removes later."""
        for path in self.paths:
            try:
                path.unlink(missing_ok=True)
            except OSError:
                continue  # an orphan is harmless: no commit names it


def discard_uncommitted(lake: Lake, files: Files) -> None:
    """After a failed commit, remove its files; they stay if it reached the log all the same, or if none can say."""
    try:
        live = {file.path.name for file in lake.snapshot().files}
    except Exception:  # noqa: BLE001 - when in doubt the files stay: an orphan is harmless, a missing file is not
        return
    if live.isdisjoint(path.name for path in files.paths):
        files.discard()


@dataclass(frozen=True, slots=True)
class Written:
    """A file of events, whole but not committed."""

    path: Path
    rows: int
    day: date
    spread: bool
    """Whether it may hold events of other days than its own."""


def write_day(con: duckdb.DuckDBPyConnection, query: str, day: date, files: Files) -> Written | None:
    """Write the rows of a query (event columns, source_id, source_offset, ingested_at), which should be of this day.

    Returns None, and leaves no file, when there are none.

    Raises:
        LakeError: the disk is full or the folder cannot be written.
    """
    path = _place(day, files)
    with _writing(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        (said,) = con.execute(f"COPY ({query}) TO {literal(str(path))} ({OPTIONS})").fetchall()
    return _noted(path, said, day, files)


def write_lines(reader: Reader, query: str, lines: pa.Table, day: date, files: Files) -> Written | None:
    """As write_day, for a query of lines_in, which are these lines."""
    path = _place(day, files)
    staged = path.parent.parent / f"{reader.name}.parquet"  # a plan writes always to the same
    files.paths.append(staged)
    with _writing(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        (said,) = reader.run(query, lines, copy=f"{literal(str(staged))} ({OPTIONS})").fetchall()
        staged.rename(path)
    files.paths.remove(staged)
    return _noted(path, said, day, files)


def _place(day: date, files: Files) -> Path:
    path = files.root / "part=events" / f"date={day}" / f"{uuid4().hex}.parquet"
    files.paths.append(path)
    return path


def _noted(path: Path, said: Sequence[Any], day: date, files: Files) -> Written | None:
    """Note a file of which COPY said this."""
    _, rows, _, _, statistics, *_ = said
    if not rows:
        files.remove(path)
        return None
    bounds = _bounds(statistics)
    files.add(path, rows, {"part": "events", "date": str(day)}, bounds)
    return Written(path, rows, day, any(at[:10] != str(day) for at in bounds.get("ts", [""])))


def write_days(con: duckdb.DuckDBPyConnection, query: str, files: Files) -> list[Written]:
    """Write the rows of a query, which gives the day of each as `date` too, in one pass over many days.

    Raises:
        LakeError: the disk is full or the folder cannot be written.
    """
    options = f"{OPTIONS}, PARTITION_BY (part, date), FILENAME_PATTERN '{uuid4().hex}-{{i}}', OVERWRITE_OR_IGNORE true"
    found = []
    with _writing(files):
        copy = f"COPY (SELECT 'events' AS part, * FROM ({query})) TO {literal(str(files.root))} ({options})"
        for name, rows, _size, _footer, statistics, keys, _extra in con.execute(copy).fetchall():
            path = Path(name)
            files.paths.append(path)
            files.add(path, rows, {"part": "events", "date": str(keys["date"])}, _bounds(statistics))
            found.append(Written(path, rows, date.fromisoformat(keys["date"]), spread=False))
    return found


@contextmanager
def _writing(files: Files) -> Iterator[None]:
    try:
        yield
    except (duckdb.IOException, OSError) as error:
        raise cannot_write(files.root, error) from error


def write_ledger(rows: Iterable[Mapping[str, Any]], ingested_at: datetime, files: Files) -> None:
    """Write bookkeeping rows as one file of the ledger's partition of today.

    Raises:
        LakeError: the disk is full or the folder cannot be written.
    """
    columns = schema.arrow_schema(schema.ledger_part())
    filled = ({**row, "ingested_at": ingested_at} for row in rows)
    slices = []
    while some := list(islice(filled, LEDGER_ROWS)):
        slices.append(arrays.table(some, columns))
    table = pa.concat_tables(slices) if slices else columns.empty_table()
    day = ingested_at.astimezone(UTC).date().isoformat()
    path = files.root / f"part={schema.PART_LEDGER}" / f"date={day}" / f"{uuid4().hex}.parquet"
    files.paths.append(path)
    with _writing(files):
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, compression="zstd")
    files.add(path, len(table), {"part": schema.PART_LEDGER, "date": day}, {})


def cannot_write(root: Path, error: Exception) -> LakeError:
    """The error for a full disk or a folder that cannot be written."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).partition("\n")[0]
    return LakeError(
        f"cannot write to {root}: {reason}",
        hint="nothing was committed: make room or fix the folder's permissions, then run the same command again",
    )


def _bounds(statistics: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, str]]:
    """Smallest and largest event_id and ts as Delta's log writes them; only exact ones, as others would mislead."""
    bounds = {}
    for column in ("event_id", "ts"):
        found = statistics.get(f'"{column}"') or statistics.get(column) or {}
        if {"min", "max"} <= found.keys() and found.get("min_is_exact") == found.get("max_is_exact") == "true":
            low, high = found["min"], found["max"]
            bounds[column] = (low, high) if column == "event_id" else (_iso(low), _iso(high))
    return {k: v for k, v in bounds.items() if all(v)}


def _iso(text: str) -> str:
    """`2026-01-01 00:00:00.1+00` as `2026-01-01T00:00:00.100000Z`; empty when the year has no such form."""
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?\+00", text)
    return f"{match[1]}T{match[2]}.{(match[3] or '').ljust(6, '0')}Z" if match else ""
