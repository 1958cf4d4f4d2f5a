"""What the log still tells of a data file: what it was made of, and which parts of which inputs it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deadreckon.core.doctor.partial import SERIAL
from deadreckon.core.maintenance.log import Commit, Log, read_checkpoint, read_commit


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `start` to `end` of an input."""

    source_id: str
    start: int
    end: int


@dataclass(slots=True)
class History:
    """The entries that the log still has, by the files that they added."""

    table: Path
    commits: list[Commit] = field(default_factory=list)
    added_by: dict[str, Commit] = field(default_factory=dict)
    adds: dict[str, dict[str, Any]] = field(default_factory=dict)
    offsets: dict[int, dict[str, int]] = field(default_factory=dict)
    """What checkpoints say, by their versions."""

    @classmethod
    def of(cls, table: Path) -> History:
        """Read what there is of the log in this folder."""
        log = Log.of(table)
        history = cls(table)
        for version, path in sorted(log.checkpoints.items()):
            actions = read_checkpoint(path)
            history.adds |= {a["add"]["path"]: a["add"] for a in actions if "add" in a}
            history.offsets[version] = {a["txn"]["appId"]: a["txn"]["version"] for a in actions if "txn" in a}
        for version in sorted(log.commits):
            commit = read_commit(version, log.commits[version])
            history.commits.append(commit)
            for add in commit.of("add"):
                history.adds[add["path"]] = add
                # A file that was put back belongs to the commit that first brought it.
                history.added_by.setdefault(add["path"], commit)
        return history

    def made_of(self, raw: str) -> list[str]:
        """The files that maintenance made this one of; none when it came from ingest, or the log no longer says."""
        commit = self.added_by.get(raw)
        step = "" if commit is None else commit.metadata.get("deadreckon.step")
        if commit is None or step not in ("compact", "expire"):
            return []
        # What expiry adds is what it keeps of the ledger, of alerts' transitions, or of what people did (whose table
        # has no partitions): their files bring it back, and expire again.
        own = ("part=ledger/", "part=transition/")
        removed = [r["path"] for r in commit.of("remove")]
        return [path for path in removed if step == "compact" or path.startswith(own) or "/" not in path]

    def exists(self, raw: str) -> bool:
        """Whether a file is still on the disk, whether or not it is in use."""
        return (self.table / unquote(raw)).exists()

    def ranges(self, raw: str) -> list[Range] | None:
        """Which bytes of which inputs this file may hold rows of; None when the log no longer says."""
        parts = self.made_of(raw)
        if parts:
            found = [self.ranges(part) for part in parts]
            return None if None in found else sorted({r for ranges in found for r in ranges or []}, key=_order)
        commit = self.added_by.get(raw)
        if commit is None or "deadreckon.doctor" in commit.metadata:
            return None  # what an earlier repair wrote is of many inputs
        start = max((v for v in self.offsets if v < commit.version), default=-1)
        before = dict(self.offsets.get(start, {}))
        for earlier in self.commits:
            if start < earlier.version < commit.version:
                before |= {t["appId"]: t["version"] for t in earlier.of("txn")}
        return [
            Range(txn["appId"], before.get(txn["appId"], 0), txn["version"])
            for txn in commit.of("txn")
            if txn["appId"] != SERIAL
        ]


def rows_of(add: Mapping[str, Any]) -> int | None:
    """The rows that an add action promises."""
    stats = add.get("stats")
    counted = json.loads(stats) if isinstance(stats, str) and stats else stats or {}
    return counted.get("numRecords")


def _order(found: Range) -> tuple[str, int]:
    return found.source_id, found.start
