"""Removing data files that no reader can need any more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pyarrow as pa

from deadreckon.core.durable import fsync_directory
from deadreckon.core.errors import DamagedLakeError
from deadreckon.core.lake import Lake, TableSpec
from deadreckon.core.maintenance.log import removals
from deadreckon.core.pending import remove_abandoned

UNCOMMITTED_HOURS: Final = 1.0
"""A file that the log does not know is never removed before this age: an ingester may be about to commit it."""
REPLACED_HOURS: Final = 0.25
"""A replaced file is never removed sooner: a query that began before may be reading it."""


@dataclass(frozen=True, slots=True)
class Unused:
    """A data file outside of the newest version; `orphan`: one that the log never knew, as of a killed ingester."""

    path: Path
    size: int
    orphan: bool
    due: bool
    """Whether it is past its time and can be removed."""
    modified_ns: int
    """When it was last changed: a file that someone commits after all is made young first."""


def unused(lake: Lake, spec: TableSpec, *, now: datetime, hours: float) -> list[Unused]:
    """The data files that the newest version does not use, and whether they are `hours` past their use.

    A replaced file counts from its removal, so that readers of older snapshots keep their files for `hours`, and at
    least `REPLACED_HOURS`. A file the log does not know counts from its last change, and at least `UNCOMMITTED_HOURS`.
    """
    root = lake.table_path(spec)
    # Listed before the log is read: a file committed in between is then known to be in use.
    present = [(path, path_stat) for path in _data_files(root) if (path_stat := _stat(path)) is not None]
    used = _used(lake, spec)
    try:
        gone = {root / unquote(raw): stamp / 1000 for raw, stamp in removals(root).items()}
    except (OSError, pa.ArrowInvalid) as error:
        raise DamagedLakeError(
            f"the log of table {spec.name} in {lake.root} cannot be read: {error}",
            hint=f"reckon doctor --lake {lake.root} explains it and can repair it",
        ) from error
    found = []
    for path, status in present:
        if path in used:
            continue
        orphan = path not in gone
        since = status.st_mtime if orphan else max(gone[path], status.st_mtime)
        age_hours = (now.timestamp() - since) / 3600
        due = age_hours >= max(hours, UNCOMMITTED_HOURS if orphan else REPLACED_HOURS)
        found.append(Unused(path, status.st_size, orphan, due, status.st_mtime_ns))
    return found


def vacuum(lake: Lake, spec: TableSpec, *, now: datetime, hours: float) -> list[Unused]:
    """Remove the data files that are past their time, but for those that someone commits just now; the removed ones."""
    due = [file for file in unused(lake, spec, now=now, hours=hours) if file.due]
    used = _used(lake, spec) if due else set()  # looked at again right before: what was committed since stays
    root = lake.table_path(spec)
    removed = [file for file in due if file.path not in used and _remove(root, file)]
    for directory in {file.path.parent for file in removed}:
        fsync_directory(directory)
    return removed


def _remove(root: Path, file: Unused) -> bool:
    if file.orphan:
        return remove_abandoned(root, file.path, file.modified_ns)
    file.path.unlink(missing_ok=True)
    return True


def _used(lake: Lake, spec: TableSpec) -> set[Path]:
    # Built on our own spelling of the folder: a lake reached through a symbolic link has two.
    root = lake.table_path(spec)
    actions = pa.RecordBatchReader.from_stream(lake.table(spec).get_add_actions()).read_all()
    used = {root / unquote(raw) for raw in actions.column("path").to_pylist()}
    if used and not any(path.exists() for path in used):
        raise DamagedLakeError(
            f"none of the {len(used)} files of table {spec.name} in {lake.root} is where the log says",
            hint=f"reckon doctor --lake {lake.root} explains it",
        )
    return used


def _data_files(root: Path) -> Iterator[Path]:
    """Files in the table's folder and its partitions; names that begin with `_` or `.` are not data."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(("_", "."))]
        yield from (Path(folder, name) for name in names if not name.startswith(("_", ".")))


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None
