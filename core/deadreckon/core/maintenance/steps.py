"""The steps of maintenance on one table: each does its part, or says what it would do, and gives figures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from deadreckon.core.errors import CommitConflictError
from deadreckon.core.lake import EVENTS_TABLE, Lake, TableSpec
from deadreckon.core.maintenance import transitions
from deadreckon.core.maintenance.checkpoint import checkpoint, clear_log, remove_entries
from deadreckon.core.maintenance.expire import Expired, expire, expired
from deadreckon.core.maintenance.fold import fold, plan_folds
from deadreckon.core.maintenance.log import Log
from deadreckon.core.maintenance.merge import Merged, merge
from deadreckon.core.maintenance.plan import Merge, plan_merges
from deadreckon.core.maintenance.tables import live_files
from deadreckon.core.maintenance.vacuum import unused, vacuum
from deadreckon.core.profiles import PROFILES
from deadreckon.core.settings import MaintainSettings


class Step(StrEnum):
    """The steps, in the order in which they run: what has expired need not be compacted first."""

    expire = "expire"
    compact = "compact"
    checkpoint = "checkpoint"
    vacuum = "vacuum"


ATTEMPTS: Final = 5
"""How often a step starts again when others removed the same files meanwhile."""


@dataclass(frozen=True, slots=True)
class Work:
    """What one step did to one table (or would do): files and bytes before and after, rows concerned, seconds taken."""

    table: str
    step: str
    what: str
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int | None = 0
    """None where a dry run cannot know it."""
    rows: int = 0
    seconds: float = 0.0


Figures = tuple[str, int, int, int, int | None, int]
"""what, files before and after, bytes before and after, rows"""
T = TypeVar("T")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One table and what there is to know for its maintenance."""

    lake: Lake
    spec: TableSpec
    settings: MaintainSettings
    now: datetime
    workshop: Path
    dry_run: bool
    on_progress: Progress | None = None

    def run(self, step: Step) -> Iterator[Work]:
        """Do one step; nothing is said where there was nothing to do."""
        started = time.perf_counter()
        does = {
            Step.expire: self._expire,
            Step.compact: self._compact,
            Step.checkpoint: self._checkpoint,
            Step.vacuum: self._vacuum,
        }
        for what, before, after, size_before, size_after, rows in does[step]():
            seconds = round(time.perf_counter() - started, 3)
            yield Work(self.spec.name, step, what, before, after, size_before, size_after, rows, seconds)
            started = time.perf_counter()

    @property
    def today(self) -> date:
        """The day, UTC."""
        return self.now.astimezone(UTC).date()

    def _expire(self) -> Iterator[Figures]:
        days = self.settings.retention_days
        if days and self.spec.name in transitions.WHAT:
            yield from self._forget(days)
        if days == 0 or self.spec.name != EVENTS_TABLE.name:
            return
        if self.dry_run:
            files, _ = live_files(self.lake.table(self.spec))
            gone = Expired(tuple(expired(files, today=self.today, retention_days=days)))
        else:
            gone = _again(lambda: expire(self.lake, self.spec, self.workshop, now=self.now, retention_days=days))
        if gone.files:
            first, last = gone.days[0], gone.days[-1]
            what = f"{len(gone.days)} days, {first} to {last}" if first != last else f"1 day, {first}"
            what += f"; {gone.open_lines} open quarantined lines" if gone.open_lines else ""
            size = sum(f.size for f in gone.files)
            yield what, len(gone.files), 0, size, 0, sum(f.rows or 0 for f in gone.files)

    def _forget(self, days: int) -> Iterator[Figures]:
        gone = _again(
            lambda: transitions.forget(
                self.lake, self.spec, self.workshop, now=self.now, retention_days=days, dry_run=self.dry_run
            )
        )
        if gone.files:
            size = sum(f.size for f in gone.files)
            yield transitions.WHAT[self.spec.name], len(gone.files), gone.kept_files, size, gone.kept_bytes, gone.rows

    def _compact(self) -> Iterator[Figures]:
        if self.spec.name == PROFILES.name:
            yield from self._fold()
            return
        done: list[tuple[Merge, Merged]] = []
        for attempt in range(ATTEMPTS):
            files, _ = live_files(self.lake.table(self.spec))
            plans = plan_merges(files, today=self.today, target_bytes=self.settings.target_file_bytes)
            if self.dry_run:
                done = [(plan, Merged(len(plan.files), plan.size, 0, plan.rows or 0)) for plan in plans]
                break
            missed = False
            for number, plan in enumerate(plans):
                self._say(number, len(plans))
                merged = merge(self.lake, self.spec, plan, self.workshop)
                missed |= merged is None
                if merged:
                    done.append((plan, merged))
            self._say(len(plans), len(plans))
            if not missed:
                break
            time.sleep(0.1 * attempt)
        if done:
            partitions = Counter(plan.partition for plan, _ in done)
            yield (
                f"{len(partitions)} partition{'s' if len(partitions) > 1 else ''}",
                sum(m.files for _, m in done),
                len(done),
                sum(m.bytes_before for _, m in done),
                None if self.dry_run else sum(m.bytes_after for _, m in done),
                sum(m.rows for _, m in done),
            )

    def _fold(self) -> Iterator[Figures]:
        done: list[Merged] = []
        days = self.settings.profile_hourly_days
        for attempt in range(ATTEMPTS):
            files, _ = live_files(self.lake.table(self.spec))
            plans = plan_folds(files, today=self.today, hourly_days=days)
            if self.dry_run:
                done = [Merged(len(plan.files), plan.size, 0, sum(f.rows or 0 for f in plan.files)) for plan in plans]
                break
            folded = [fold(self.lake, plan, self.workshop) for plan in plans]
            done += [one for one in folded if one]
            if None not in folded:
                break
            time.sleep(0.1 * attempt)
        if done:
            yield (
                f"{len(done)} month{'s' if len(done) > 1 else ''} of profiles",
                sum(m.files for m in done),
                2 * len(done),
                sum(m.bytes_before for m in done),
                None if self.dry_run else sum(m.bytes_after for m in done),
                sum(m.rows for m in done),
            )

    def _checkpoint(self) -> Iterator[Figures]:
        log = Log.of(self.lake.table_path(self.spec))
        if self.dry_run:
            if log.newest not in log.checkpoints:
                yield f"version {log.newest}", 0, 1, 0, None, 0
        elif made := checkpoint(self.lake, self.spec, self.workshop):
            yield f"version {made.version}", 0, 1, 0, made.size, 0
        entries = clear_log(self.lake, self.spec, now=self.now, keep_hours=self.settings.vacuum_hours)
        size = sum(entry.stat().st_size for entry in entries)
        if not self.dry_run:
            remove_entries(entries)
        if entries:
            yield "log entries cleared", len(entries), 0, size, 0, 0

    def _vacuum(self) -> Iterator[Figures]:
        hours = self.settings.vacuum_hours
        if self.dry_run:
            gone = [f for f in unused(self.lake, self.spec, now=self.now, hours=hours) if f.due]
        else:
            gone = vacuum(self.lake, self.spec, now=self.now, hours=hours)
        for orphan, what in ((False, "replaced files"), (True, "files never committed")):
            files = [f for f in gone if f.orphan is orphan]
            if files:
                yield what, len(files), 0, sum(f.size for f in files), 0, 0

    def _say(self, done: int, total: int) -> None:
        if self.on_progress and total:
            self.on_progress(self.spec.name, done, total)


def _again(work: Callable[[], T]) -> T:
    for _ in range(ATTEMPTS - 1):
        try:
            return work()
        except CommitConflictError:
            continue
    return work()
