"""Checkpoints, made beside the log and proven before they enter it; and the clearing of the log behind them."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from deadreckon.core.durable import fsync_directory, fsync_file, write_atomically
from deadreckon.core.errors import LakeError
from deadreckon.core.lake import Lake, TableSpec
from deadreckon.core.maintenance.log import POINTER, Log, read_checkpoint

SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was made: the version it holds, and its bytes."""

    version: int
    size: int


def checkpoint(lake: Lake, spec: TableSpec, workshop: Path) -> Checkpoint | None:
    """Make a checkpoint of the newest version; None when it has one.

    delta-rs writes a checkpoint straight into the log and points to it at once, and forces neither to the disk: a
    power cut then leaves a table that cannot be opened. Here it is made in `workshop` beside hard links of the log,
    opened there without the entries that it replaces, compared with the table, forced to the disk, moved into the log,
    and only then pointed to.

    Raises:
        LakeError: it did not come out right; the log is as it was.
    """
    newest = lake.table(spec).version()
    log = Log.of(lake.table_path(spec))  # listed afterwards: an ingester may commit in between
    if newest in log.checkpoints:
        return None
    stage = workshop / "checkpoint" / spec.name
    shutil.rmtree(stage, ignore_errors=True)
    copy = stage / "_delta_log"
    copy.mkdir(parents=True)
    _link_log(log, copy, up_to=newest)
    name = f"{newest:020}.checkpoint.parquet"
    try:
        original = DeltaTable(str(stage))
        offsets = Log.of(stage).offsets()
        original.create_checkpoint()
        fsync_file(copy / name)
        expected, pointer = contents(original), (copy / POINTER).read_bytes()
        for entry in copy.iterdir():
            if entry.name not in (name, POINTER):
                entry.unlink()
        proven = contents(DeltaTable(str(stage))) == expected and Log.of(stage).offsets() == offsets
        if not proven or original.version() != newest:
            raise LakeError(
                f"the checkpoint of table {spec.name} at version {newest} does not hold what the table holds",
                hint="the log was left as it was; report this with the version of deltalake",
            )
    except (DeltaError, OSError) as error:
        raise LakeError(
            f"cannot make a checkpoint of table {spec.name} at version {newest}: {error}",
            hint="the log was left as it was; check that the disk has room",
        ) from error
    size = (copy / name).stat().st_size
    (copy / name).rename(log.folder / name)
    fsync_directory(log.folder)
    write_atomically(log.folder / POINTER, pointer)
    shutil.rmtree(stage, ignore_errors=True)
    return Checkpoint(newest, size)


def contents(table: DeltaTable) -> dict[str, object]:
    """All that a version of a table says: its files with their statistics, its schema, its rules, its offsets."""
    files, rules = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all(), table.metadata()
    for i, column in enumerate(files.schema):
        if pa.types.is_timestamp(column.type):  # as Python values they would import pandas, which takes seconds
            files = files.set_column(i, column.name, files.column(i).cast(pa.int64()))
    return {
        "files": sorted(orjson.dumps(row, default=str, option=orjson.OPT_SORT_KEYS) for row in files.to_pylist()),
        "schema": table.schema().to_json(),
        "rules": (rules.id, rules.name, rules.partition_columns, sorted(rules.configuration.items())),
        "protocol": tuple(table.protocol()),
    }


def _link_log(log: Log, folder: Path, *, up_to: int) -> None:
    start = max((v for v in log.checkpoints if v <= up_to), default=0)
    needed = [path for version, path in log.commits.items() if start <= version <= up_to]
    if start in log.checkpoints:
        needed.append(log.checkpoints[start])
    for path in needed:
        try:
            (folder / path.name).hardlink_to(path)
        except OSError:
            shutil.copyfile(path, folder / path.name)  # a file system without links


def clear_log(lake: Lake, spec: TableSpec, *, now: datetime, keep_hours: float = 0) -> list[Path]:
    """The log entries that no reader can need any more; see `remove_entries`.

    An entry goes when it lies below the last but one checkpoint (so that a damaged newest checkpoint can still be done
    without), both can be read, and it is older than `delta.logRetentionDuration` and `keep_hours` (vacuum learns from
    the log when a file was replaced), and so is every entry below it.
    """
    log = Log.of(lake.table_path(spec))
    if len(log.checkpoints) < 2:
        return []
    kept = sorted(log.checkpoints)[-2:]
    try:
        for version in kept:
            read_checkpoint(log.checkpoints[version])
    except (OSError, pa.ArrowInvalid):
        return []
    configured = lake.table(spec).metadata().configuration.get("delta.logRetentionDuration", "")
    kept_for = max(interval(configured, default=timedelta(days=30)), timedelta(hours=keep_hours))
    oldest = now.timestamp() - kept_for.total_seconds()
    cleared: list[Path] = []
    for version in sorted(v for v in {*log.commits, *log.checkpoints} if v < kept[0]):
        entries = [p for p in (log.commits.get(version), log.checkpoints.get(version)) if p]
        if any(p.stat().st_mtime >= oldest for p in entries):
            break
        cleared += entries
    return cleared


def remove_entries(entries: list[Path]) -> None:
    """Remove log entries, oldest first: a log cut short at any point is still one without gaps."""
    for entry in entries:
        entry.unlink(missing_ok=True)
    if entries:
        fsync_directory(entries[0].parent)


def interval(text: str, *, default: timedelta) -> timedelta:
    """A duration as Delta writes it (`interval 30 days`)."""
    found = re.fullmatch(r"\s*interval\s+(\d+)\s+(second|minute|hour|day|week)s?\s*", text, re.IGNORECASE)
    return timedelta(seconds=int(found[1]) * SECONDS[found[2].lower()]) if found else default
