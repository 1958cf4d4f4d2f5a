"""What is merged and what expires, as rules on lists of files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadreckon.core.maintenance.checkpoint import interval
from deadreckon.core.maintenance.expire import expired, oldest_kept
from deadreckon.core.maintenance.plan import OPEN_FILES, plan_merges
from deadreckon.core.maintenance.tables import LiveFile

TODAY = date(2026, 5, 10)
TARGET = 1000
DAYS = st.sampled_from(["2026-05-08", "2026-05-10", "2026-05-12", "0001-01-01", "9999-12-31", "-0044-03-15", None])
FILES = st.lists(st.tuples(DAYS, st.sampled_from(["events", "ledger"]), st.integers(1, 1500)), max_size=150)


def files(rows: list[tuple[str | None, str, int]]) -> list[LiveFile]:
    return [
        LiveFile(f"f{i}", Path(f"f{i}"), (("part", part), ("date", day)), size, 1, 1_778_000_000_000 + i)
        for i, (day, part, size) in enumerate(rows)
    ]


@given(FILES)
def test_merges_join_small_files_of_one_partition_once(rows: list[tuple[str | None, str, int]]) -> None:
    """Each file is in one merge at most; a merge has two or more files, all small, all of one partition."""
    given_files = files(rows)
    merges = plan_merges(given_files, today=TODAY, target_bytes=TARGET)
    used = [f.raw for merge in merges for f in merge.files]
    assert len(used) == len(set(used))
    for merge in merges:
        assert len(merge.files) >= 2
        assert {f.partition for f in merge.files} == {merge.partition}
        assert all(f.size < TARGET / 2 for f in merge.files)
        assert merge.size < TARGET * 1.5
        assert merge.rows == len(merge.files)


@given(FILES)
def test_no_partition_keeps_many_small_files(rows: list[tuple[str | None, str, int]]) -> None:
    """After the merges a closed day has one small file at most, and every other partition a bounded number."""
    given_files = files(rows)
    merges = plan_merges(given_files, today=TODAY, target_bytes=TARGET)
    used = {f.raw for merge in merges for f in merge.files}
    left: dict[object, int] = {}
    for file in given_files:
        if file.raw not in used and file.size < TARGET / 2:
            left[file.partition] = left.get(file.partition, 0) + 1
    for partition, count in left.items():
        day = dict(partition)["date"]
        closed = day in ("2026-05-08", "0001-01-01")
        assert count <= (1 if closed else OPEN_FILES)


@given(FILES, st.integers(0, 10**7))
def test_what_expires_is_old_and_nothing_expires_by_default(rows: list[tuple[str | None, str, int]], days: int) -> None:
    """Only files before the first day kept; a day to come counts as the day it was written; no retention keeps all."""
    given_files = files(rows)
    gone = expired(given_files, today=TODAY, retention_days=days)
    assert not gone or days
    for file in gone:
        assert file.day is not None
        assert min(file.day, file.modified.date()) < oldest_kept(TODAY, days)
    assert not [f for f in given_files if f not in gone and days == 1 and f.day == date(2026, 5, 8)]


@pytest.mark.parametrize(
    ("days", "first"),
    [(0, date.min), (1, TODAY), (2, date(2026, 5, 9)), (365, date(2025, 5, 11)), (10**9, date.min)],
)
def test_the_first_day_that_is_kept(days: int, first: date) -> None:
    """Today counts as one of the days."""
    assert oldest_kept(TODAY, days) == first
    assert oldest_kept(date.min, 1) == date.min


def test_a_file_of_a_day_to_come_expires_by_the_day_it_was_written() -> None:
    """A wrong clock must not keep events for ever."""
    written = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp() * 1000)
    file = LiveFile("f", Path("f"), (("date", "9999-12-31"),), 1, 1, written)
    assert expired([file], today=TODAY, retention_days=9) == [file]
    assert expired([file], today=TODAY, retention_days=10) == []
    assert expired([file], today=date.max, retention_days=1) == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("interval 30 days", 30 * 86400),
        ("INTERVAL 1 week", 604800),
        (" interval 90  seconds ", 90),
        ("30 days", 7),
        ("interval x days", 7),
        ("", 7),
    ],
)
def test_durations_as_delta_writes_them(text: str, seconds: int) -> None:
    """What is no duration is the default."""
    from datetime import timedelta

    assert interval(text, default=timedelta(seconds=7)).total_seconds() == seconds
