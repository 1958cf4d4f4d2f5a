"""What the doctor finds, and where it keeps what it replaces."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from pathlib import Path

from deadreckon.core.durable import fsync_all, fsync_directory, fsync_file
from deadreckon.core.lake import Lake


class Severity(StrEnum):
    """How bad it is."""

    damage = "damage"
    """Rows, offsets or the whole table are lost or in danger."""
    waste = "waste"
    """Only room is lost."""
    note = "note"
    """Worth knowing; nothing is wrong yet."""


class Stage(IntEnum):
    """Repairs go from the ground up, and everything is looked at again after each stage."""

    log = 1
    files = 2
    offsets = 3
    room = 4


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what it means, what is at risk, and what `--repair` does (or that it cannot)."""

    kind: str
    severity: Severity
    table: str
    subject: str
    meaning: str
    risk: str
    remedy: str
    stage: Stage = Stage.files
    mend: Callable[[Cabinet], str] | None = field(default=None, compare=False, repr=False)
    """Does the repair and says what it did."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Which finding it is, from one look to the next."""
        return self.kind, self.table, self.subject


class Cabinet:
    """`<lake>/_doctor/<time>/`: copies of all that a repair replaces, under their paths in the lake."""

    def __init__(self, lake: Lake, now: datetime) -> None:
        self.lake = lake
        self.folder = lake.root / "_doctor" / now.strftime("%Y%m%dT%H%M%S.%fZ")

    @property
    def used(self) -> bool:
        """Whether anything was kept."""
        return self.folder.exists()

    def keep(self, path: Path) -> Path:
        """Copy a file, durably, before it is replaced; where the copy is."""
        copy = self.folder / self._place(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if not copy.exists():
            shutil.copy2(path, copy)
            fsync_all([copy], up_to=self.lake.root)
        return copy

    def put_away(self, path: Path) -> Path:
        """Move a file out of the way, durably; where it is now."""
        copy = self.folder / self._place(path)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.rename(copy)
        except OSError:  # another file system
            shutil.copy2(path, copy)
            fsync_file(copy)
            path.unlink()
        fsync_all([copy], up_to=self.lake.root)
        fsync_directory(path.parent)
        return copy

    def _place(self, path: Path) -> str:
        if path.is_relative_to(self.lake.root):
            return str(path.relative_to(self.lake.root))
        return f"outside/{str(path.absolute()).lstrip(os.sep)}"
