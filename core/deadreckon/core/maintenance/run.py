"""`maintain`: the steps in their order, for every table, under one lock."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deadreckon.core.durable import exclusive_lock
from deadreckon.core.errors import LakeError
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance.steps import Job, Progress, Step, Work
from deadreckon.core.maintenance.tables import tables
from deadreckon.core.settings import MaintainSettings

ALL_STEPS: Final = frozenset(Step)


def maintain(
    lake: Lake,
    settings: MaintainSettings | None = None,
    *,
    steps: Collection[Step] = ALL_STEPS,
    now: datetime | None = None,
    dry_run: bool = False,
    on_progress: Progress | None = None,
) -> list[Work]:
    """Keep a lake quick and small; safe while others write and read, and when it is killed at any point.

    `dry_run` changes nothing and says what would be done. `on_progress` is called with (table, merges done, merges).

    Raises:
        LockHeldError: it runs already.
        DamagedLakeError: a table cannot be opened, or a file does not hold what the log promises.
        LakeError: the disk is full or cannot be written; what was done until then holds.
    """
    settings, now = settings or MaintainSettings(), now or datetime.now(UTC)
    report: list[Work] = []
    with workshop_of(lake, dry_run=dry_run) as workshop:
        for spec in tables(lake):
            job = Job(lake, spec, settings, now, workshop, dry_run, on_progress)
            for step in Step:
                if step in steps:
                    report += job.run(step)
    return report


@contextmanager
def workshop_of(lake: Lake, *, dry_run: bool = False) -> Iterator[Path]:
    """The folder for unfinished work, under the lock of all maintenance; what a killed run left in it is removed."""
    workshop = lake.root / "_maintenance"
    if dry_run:
        yield workshop
        return
    with exclusive_lock(lake.lock_path("maintenance"), what="maintenance"):
        shutil.rmtree(workshop, ignore_errors=True)
        try:
            workshop.mkdir(parents=True)
        except OSError as error:
            raise LakeError(
                f"cannot write in {lake.root}: {error.strerror or error}",
                hint="check that the folder can be written and that the disk has room",
            ) from error
        try:
            yield workshop
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
