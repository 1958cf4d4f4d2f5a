"""From an importer's lines into the lake: all of them are there before the first is ingested, and each goes in once.

The lines are written to a temporary file first, so that a store that turns out to be damaged half way leaves nothing
in the lake. The file is a spool file whose UUID is the hash of its lines: the same lines again are the same input, of
which nothing is left to read; of other lines, those with a known `event_id` are dropped as everywhere.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from deadreckon.core.errors import SourceError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.ingest import Summary
from deadreckon.ingest.sources import Known, Source, Watcher

MAX_LINE_BYTES: Final = 64 << 20
"""A span of another tool may be long: lines up to here are taken, whatever ingest's limit for logs is."""
_REPORT_EVERY: Final = 1000
_PREFIX: Final = "reckon-import-"
_LOCK: Final = "lock"


@dataclass(frozen=True, slots=True)
class Item:
    """A line, without a newline, and what of the store it stands for: nouns in the singular, none or many."""

    line: bytes
    nouns: tuple[str, ...] = ()


@dataclass(slots=True)
class Brought:
    """What an import did."""

    found: dict[str, int] = field(default_factory=dict)
    """How many of each noun the store held."""
    lines: int = 0
    summary: Summary = field(default_factory=Summary)

    @property
    def known(self) -> int:
        """Lines that gave nothing new, because they were in the lake already."""
        return max(0, self.lines - self.summary.read_lines) + self.summary.duplicates

    def as_dict(self) -> dict[str, Any]:
        """The figures."""
        return {"found": self.found, "already_known": self.known, **self.summary.as_dict()}


def bring(
    items: Iterable[Item],
    *,
    origin: str,
    lake: str | Path,
    settings: Settings,
    warn: Callable[[str], None] = lambda _: None,
    reading: Callable[[Mapping[str, int]], None] = lambda _: None,
    report: Callable[[Summary], None] = lambda _: None,
) -> Brought:
    """Ingest an importer's lines; the lake is made if there is none, and not before all lines were read.

    `origin`: where the lines come from, as the lake is to remember it. `reading` is told how many of each noun were
    read so far, `report` how far ingest is.

    Raises:
        SourceError: the store cannot be read, or there is no room for its lines; nothing was ingested.
        LakeError: the lake cannot be written; nothing is half committed.
    """
    from deadreckon.ingest.engine import Ingester

    with _folder() as folder:
        brought = Brought()
        path = _written(items, folder, brought, reading)
        if not brought.lines:
            return brought
        limit = max(settings.ingest.max_line_bytes, MAX_LINE_BYTES)
        raised = settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"max_line_bytes": limit})})
        with Ingester(Lake.create(lake), raised, warn=warn, report=report) as ingester:
            ingester.look(_Named(path, origin, limit, warn))
            brought.summary = ingester.summary
    return brought


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder; those of imports that were killed are removed, as what is in them was not redacted yet."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name:
        folder = Path(name)
        with (folder / "unlocked").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "unlocked").rename(folder / _LOCK)  # others find it when it is held, and not before
            for other in folder.parent.glob(f"{_PREFIX}*"):
                if other != folder and _is_left(other):
                    shutil.rmtree(other, ignore_errors=True)
            yield folder


def _is_left(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False  # its import goes on, has just begun, or is somebody else's
    return True


class _Named(Watcher):
    """The file of an import, under the name of where its lines come from."""

    def __init__(self, path: Path, origin: str, limit: int, warn: Callable[[str], None]) -> None:
        super().__init__([path], max_line_bytes=limit, warn=warn, final=True)
        self._origin = origin

    def discover(self, known: Mapping[str, Known]) -> list[Source]:
        """The file, if it has something new."""
        sources = super().discover(known)
        for source in sources:
            source.path = self._origin  # type: ignore[misc]  # of files it is a plain attribute
        return sources


def _written(
    items: Iterable[Item], folder: Path, brought: Brought, reading: Callable[[Mapping[str, int]], None]
) -> Path:
    found: Counter[str] = Counter()
    digest = hashlib.sha256()
    path = folder / "lines"
    file = path.open("wb")
    try:
        for item in items:
            found.update(item.nouns)
            line = item.line + b"\n"
            digest.update(line)
            _do(partial(file.write, line), folder)
            if brought.lines % _REPORT_EVERY == 0:
                reading(found)
            brought.lines += 1
        _do(file.flush, folder)
    finally:
        with suppress(OSError):  # it was flushed, or has failed already
            file.close()
    brought.found = dict(found)
    spool = folder / f"{uuid.UUID(bytes=digest.digest()[:16])}.sealed.jsonl"
    path.rename(spool)
    return spool


def _do(writing: Callable[[], object], folder: Path) -> None:
    """What fails for want of room is said so."""
    try:
        writing()
    except OSError as error:
        raise SourceError(
            f"cannot write to {folder}: {error.strerror or error}; nothing was imported",
            hint="an import needs room for all its lines: set TMPDIR to a folder that has it",
        ) from error
