"""Which files are merged with which: a pure function of the live files, so that it can be tested without a lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from deadreckon.core.maintenance.tables import LiveFile

OPEN_FILES: Final = 50
"""Small files that a partition still being written (today, a day to come, no day) may have before they are merged."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Files of one partition that become one."""

    files: tuple[LiveFile, ...]

    @property
    def partition(self) -> tuple[tuple[str, str | None], ...]:
        """The partition they are in."""
        return self.files[0].partition

    @property
    def size(self) -> int:
        """Their bytes."""
        return sum(f.size for f in self.files)

    @property
    def rows(self) -> int | None:
        """Their rows, as the log counts them; None where it does not."""
        counts = [f.rows for f in self.files if f.rows is not None]
        return sum(counts) if len(counts) == len(self.files) else None


def plan_merges(files: Iterable[LiveFile], *, today: date, target_bytes: int) -> list[Merge]:
    """The merges that are worth their work, oldest partition first.

    A file is small below half the target, so that a merged file is not merged again and again. A day before `today`
    (UTC) is closed: two small files are enough. Any other partition must have more than `OPEN_FILES` of them, because
    what is merged today is merged again when the day is closed.
    """
    partitions: dict[tuple[tuple[str, str | None], ...], list[LiveFile]] = {}
    for file in files:
        if file.size < target_bytes / 2:
            partitions.setdefault(file.partition, []).append(file)
    merges = []
    for small in partitions.values():
        day = small[0].day
        if len(small) > (1 if day is not None and day < today else OPEN_FILES):
            # In order of arrival, so that a merged file covers a short stretch of time.
            merges += _fill(sorted(small, key=lambda f: (f.modified_ms, f.raw)), target_bytes)
    return sorted(merges, key=lambda m: [value or "" for _, value in m.partition])


def _fill(files: list[LiveFile], target_bytes: int) -> list[Merge]:
    merges: list[Merge] = []
    batch: list[LiveFile] = []
    for file in files:
        batch.append(file)
        if sum(f.size for f in batch) >= target_bytes:
            merges.append(Merge(tuple(batch)))
            batch = []
    if len(batch) > 1:
        merges.append(Merge(tuple(batch)))
    return merges
