"""Retention by whole days: files of old days leave the table in one commit; offsets stay, so no old log returns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from deltalake.transaction import RemoveAction

from deadreckon.core.lake import Lake, TableSpec, commit
from deadreckon.core.maintenance.tables import LiveFile, live_files


@dataclass(frozen=True, slots=True)
class Expired:
    """What leaves the table."""

    files: tuple[LiveFile, ...]

    @property
    def days(self) -> list[date]:
        """The days concerned, in order."""
        return sorted({f.day for f in self.files if f.day})


def expired(files: list[LiveFile], *, today: date, retention_days: int) -> Expired:
    """The files older than `retention_days` days before `today`; none when it is 0.

    A file counts by the day it is filed under. A day after tomorrow can only come from a wrong clock or a wrong
    timestamp: such a file counts by the day on which it was written, or it would be kept for ever.
    """
    oldest = oldest_kept(today, retention_days)
    tomorrow = min(today, date.max - timedelta(days=1)) + timedelta(days=1)
    gone = []
    for file in files:
        day = file.day
        if day is not None and (day if day <= tomorrow else file.modified.date()) < oldest:
            gone.append(file)
    return Expired(tuple(gone))


def oldest_kept(today: date, retention_days: int) -> date:
    """The first day that is kept: today and the `retention_days` - 1 days before it; all days when it is 0."""
    if retention_days == 0 or retention_days > today.toordinal():
        return date.min
    return today - timedelta(days=retention_days - 1)


def expire(lake: Lake, spec: TableSpec, *, now: datetime, retention_days: int) -> Expired:
    """Drop the files of expired days from the table, in one commit.

    Raises:
        CommitConflictError: another process removed some of the same files meanwhile; nothing was dropped.
    """
    table = lake.table(spec)
    files, _ = live_files(table)
    gone = expired(files, today=now.astimezone(UTC).date(), retention_days=retention_days)
    if gone.files:
        now_ms = int(time.time() * 1000)
        removals = [RemoveAction(f.raw, True, now_ms, f.size, dict(f.partition)) for f in gone.files]  # noqa: FBT003 - positional in deltalake's own class
        commit(table, removals, metadata={"deadreckon.step": "expire"})
    return gone
