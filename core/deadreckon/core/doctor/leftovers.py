"""Room that is lost: files that no commit knows, temporary files, unfinished work, locks of the dead."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from deadreckon.core.doctor.finding import Cabinet, Finding, Severity, Stage
from deadreckon.core.errors import DamagedLakeError, LakeNotFoundError
from deadreckon.core.lake import Lake, TableSpec
from deadreckon.core.maintenance.log import Log
from deadreckon.core.maintenance.vacuum import UNCOMMITTED_HOURS, unused, vacuum


def examine_orphans(lake: Lake, spec: TableSpec, *, now: datetime, hours: float) -> Iterator[Finding]:
    """Data files that no commit ever named, past the time in which an ingester could still commit them."""
    orphans = [f for f in unused(lake, spec, now=now, hours=hours) if f.orphan]
    due = [f for f in orphans if f.due]
    if due:
        yield Finding(
            "orphan_files",
            Severity.waste,
            spec.name,
            f"{len(due)} files",
            f"{len(due)} data files of {sum(f.size for f in due)} bytes belong to no commit: their ingester was killed",
            "only room is lost: their lines were read again",
            "they are removed, as `reckon maintain --vacuum` does",
            Stage.room,
            partial(_vacuum, lake=lake, spec=spec, now=now, hours=hours),
        )


def _vacuum(_cabinet: Cabinet, *, lake: Lake, spec: TableSpec, now: datetime, hours: float) -> str:
    removed = vacuum(lake, spec, now=now, hours=hours)
    return f"{len(removed)} files of {sum(f.size for f in removed)} bytes were removed"


def examine_temporary(lake: Lake, spec: TableSpec, *, now: datetime) -> Iterator[Finding]:
    """Files in a table's folders that belong to no table: what is left of writes that were interrupted."""
    root = lake.table_path(spec)
    found = list(Log.of(root).strangers)
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith("_")]
        found += [Path(folder, name) for name in names if name.startswith((".", "_", "tmp_"))]
    for path in sorted(found):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue
        if (now.timestamp() - status.st_mtime) / 3600 < UNCOMMITTED_HOURS:
            continue  # perhaps a write that goes on just now
        yield Finding(
            "temporary_file",
            Severity.waste,
            spec.name,
            path.relative_to(root).as_posix(),
            f"a temporary file of {status.st_size} bytes: its writer was killed",
            "only room is lost",
            "it is put aside",
            Stage.room,
            partial(_put_away, path=path),
        )


def examine_delivery(lake: Lake) -> Iterator[Finding]:
    """What each sink was told, where that cannot be read: the sink is told nothing more until it is gone."""
    for path in sorted((lake.root / "_delivery").glob("*.json")):
        try:
            found = json.loads(path.read_bytes())
            why = "" if {"done", "tries"} <= found.keys() else "it lacks what was told"
        except (OSError, ValueError, AttributeError) as error:
            why = str(error)
        if why:
            yield Finding(
                "delivery_state",
                Severity.damage,
                "alert_states",
                path.relative_to(lake.root).as_posix(),
                f"how far the sink {path.stem} was told cannot be read: {why}",
                "the sink is told nothing; without the file messages of the last unfinished batch may come twice, "
                "and alerts that it was told before are not repeated",
                "the file is put aside",
                Stage.room,
                partial(_put_away, path=path),
            )


def _put_away(cabinet: Cabinet, *, path: Path) -> str:
    return f"moved to {cabinet.put_away(path)}"


def examine_workshop(lake: Lake, *, now: datetime) -> Iterator[Finding]:
    """Work that a killed maintenance or repair left, and the note in a lock that nobody holds."""
    for lock in sorted((lake.root / "_locks").glob("*.lock")):
        holder = _note_of_the_dead(lock)
        if holder:
            yield Finding(
                "stale_lock",
                Severity.note,
                "",
                f"_locks/{lock.name}",
                f"{holder} held this lock and was killed",
                "nothing: the lock was given up with its process, and only the note remained",
                "the note is removed",
                Stage.room,
                partial(_clear, path=lock),
            )
    for half in sorted(lake.root.glob("_new-*")):
        if (now.timestamp() - half.stat().st_mtime) / 3600 >= UNCOMMITTED_HOURS:
            yield Finding(
                "unfinished_work",
                Severity.waste,
                "",
                half.name,
                "a table that was being made when its process was killed",
                "only room is lost: it never held a row",
                "it is removed",
                Stage.room,
                partial(_remove, path=half),
            )
    workshop = lake.root / "_maintenance"
    if workshop.exists() and not _held(lake.lock_path("maintenance")):
        yield Finding(
            "unfinished_work",
            Severity.waste,
            "",
            "_maintenance",
            "the unfinished work of a maintenance that was killed",
            "only room is lost: nothing in there was ever part of a table",
            "it is removed, as the next `reckon maintain` does",
            Stage.room,
            partial(_remove, path=workshop),
        )


def _note_of_the_dead(lock: Path) -> str:
    try:
        text = lock.read_text("utf-8", "replace").strip()
    except OSError:
        return ""
    return text if text and not _held(lock) else ""


def _held(lock: Path) -> bool:
    try:
        fd = os.open(lock, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False


def _clear(_cabinet: Cabinet, *, path: Path) -> str:
    if not _held(path):
        os.truncate(path, 0)
    return "removed"


def _remove(_cabinet: Cabinet, *, path: Path) -> str:
    shutil.rmtree(path, ignore_errors=True)
    return "removed"


def openable(lake: Lake, spec: TableSpec) -> str:
    """Why the table cannot be opened; empty when it can, or when it was never finished."""
    try:
        lake.table(spec)
    except LakeNotFoundError:
        return ""
    except DamagedLakeError as error:
        return error.message
    return ""
