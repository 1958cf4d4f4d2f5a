"""Decoded rows to Parquet files in the lake's folder, durable before anyone commits them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
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
from deadreckon.ingest.convert import literal, quoted

MANY_DAYS: Final = 40
"""With more days than this in a batch one partitioning pass is cheaper than a pass a day."""
DICTIONARIES: Final = "DICTIONARY_SIZE_LIMIT 2000"
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


def write_events(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str], files: Files) -> None:
    """Write the rows of `relation` (event columns, source_id, source_offset, ingested_at, date) as files by day.

    Raises:
        LakeError: the disk is full or the folder cannot be written; what was written is removed.
    """
    days: list[date] = [row[0] for row in con.execute(f"SELECT DISTINCT date FROM {relation} ORDER BY 1").fetchall()]
    chosen = ", ".join(map(quoted, columns))
    try:
        if len(days) > MANY_DAYS:
            _copy(con, f"SELECT 'events' AS part, date, {chosen} FROM {relation}", None, files)
        else:
            for day in days:
                _copy(con, f"SELECT {chosen} FROM {relation} WHERE date = DATE '{day}'", day, files)
    except (duckdb.IOException, OSError) as error:
        files.discard()
        raise cannot_write(files.root, error) from error


def _copy(con: duckdb.DuckDBPyConnection, query: str, day: date | None, files: Files) -> None:
    options = f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, {DICTIONARIES}, RETURN_STATS true"
    if day is None:
        target = files.root
        options += f", PARTITION_BY (part, date), FILENAME_PATTERN '{uuid4().hex}-{{i}}', OVERWRITE_OR_IGNORE true"
    else:
        target = files.root / "part=events" / f"date={day}" / f"{uuid4().hex}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        files.paths.append(target)
    written = con.execute(f"COPY ({query}) TO {literal(str(target))} ({options})").fetchall()
    for name, rows, _size, _footer, statistics, keys, _extra in written:
        path = Path(name)
        if day is None:
            files.paths.append(path)
        partition = {"part": "events", "date": str(day or keys["date"])}
        files.add(path, rows, partition, _bounds(statistics))


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, compression="zstd")
    except OSError as error:
        files.discard()
        raise cannot_write(files.root, error) from error
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
