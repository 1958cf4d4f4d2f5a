"""The folders that ingest reads by itself: can they be read, and what lies in them that need not."""

from __future__ import annotations

import fcntl
import glob
import os
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from deadreckon.core.doctor.finding import Cabinet, Finding, Severity, Stage
from deadreckon.core.lake import EVENTS_TABLE, Lake

UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
SPOOL: Final = re.compile(rf"({UUID})(\.sealed)?\.jsonl", re.IGNORECASE)
QUIET_HOURS: Final = 1.0
"""A file without a writer that has not changed for so long waits for an ingest that does not come."""


def examine_spool(lake: Lake, sources: Sequence[str], *, now: datetime) -> Iterator[Finding]:
    """Look at the sources of the settings: unreadable ones, files read to their end, files whose writers died."""
    for source in sources:
        path = Path(source).expanduser()
        places = [path] if path.exists() or not glob.has_magic(source) else [Path(p) for p in glob.glob(str(path))]  # noqa: PTH207 - the pattern may be absolute
        for place in places:
            yield from _place(lake, place, now)


def _place(lake: Lake, place: Path, now: datetime) -> Iterator[Finding]:
    try:
        if not place.exists():
            return  # a spool that nobody has written to yet
        files = sorted(place.iterdir()) if place.is_dir() else []
        with (place if not place.is_dir() else Path(os.devnull)).open("rb"):
            pass
    except OSError as error:
        yield Finding(
            "source_unreadable",
            Severity.damage,
            "",
            str(place),
            f"the source cannot be read: {error.strerror or error}",
            "what is written there does not reach the lake",
            "none: correct its permissions, or ingest.sources in the settings",
            Stage.room,
        )
        return
    for file in files:
        found = SPOOL.fullmatch(file.name)
        if found:
            yield from _file(lake, file, found[1].lower(), now, sealed=bool(found[2]))


def _file(lake: Lake, file: Path, source_id: str, now: datetime, *, sealed: bool) -> Iterator[Finding]:
    try:
        status = file.stat()
        if not os.access(file, os.R_OK):
            raise PermissionError(13, "permission denied")
        alive = not sealed and _locked(file)
    except FileNotFoundError:
        return
    except OSError as error:
        yield Finding(
            "source_unreadable",
            Severity.damage,
            "",
            str(file),
            f"the file cannot be read: {error.strerror or error}",
            "its lines do not reach the lake",
            "none: correct its permissions",
            Stage.room,
        )
        return
    if alive:
        return
    if status.st_size and _offset(lake, source_id) >= status.st_size:
        yield Finding(
            "spool_consumed",
            Severity.waste,
            "",
            str(file),
            f"all {status.st_size} bytes of it are in the lake, but it was not removed: its ingester was killed",
            "only room is lost",
            "it is put aside",
            Stage.room,
            partial(_put_away, lake=lake, file=file, source_id=source_id),
        )
    elif not sealed and (now.timestamp() - status.st_mtime) / 3600 >= QUIET_HOURS:
        yield Finding(
            "spool_writer_dead",
            Severity.note,
            "",
            str(file),
            f"its writer died without sealing it, and its {status.st_size} bytes wait to be read",
            "nothing: ingest takes it for finished, as nobody holds its lock",
            "none needed: run `reckon ingest`",
            Stage.room,
        )


def _locked(file: Path) -> bool:
    fd = os.open(file, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _offset(lake: Lake, source_id: str) -> int:
    return lake.table(EVENTS_TABLE).transaction_version(source_id) or 0


def _put_away(cabinet: Cabinet, *, lake: Lake, file: Path, source_id: str) -> str:
    if _locked(file) or file.stat().st_size > _offset(lake, source_id):
        return "it has grown since: it stays"
    return f"moved to {cabinet.put_away(file)}"
