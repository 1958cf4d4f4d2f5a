"""`profile`: what was committed to the events since the last time goes into the profiles, in one commit."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb

from deadreckon.core.errors import CommitConflictError, DamagedLakeError
from deadreckon.core.lake import Lake, commit, snapshot_of
from deadreckon.core.profiles import APP, FILES, MARK, PROFILES, files_mark, lost
from deadreckon.profiles.count import Tally
from deadreckon.profiles.feed import feed
from deadreckon.profiles.store import known_subjects, others, tidy, write

ATTEMPTS: Final = 8
CHUNK_ROWS: Final = 500_000
"""Events counted at a time."""
MEMORY_LIMIT: Final = "600MB"
"""For what DuckDB holds; with the rest of the process it is under 1 GiB. More is spilled."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Profiled:
    """What one run did. `version`: that of the events up to which the profiles now go."""

    version: int
    events: int = 0
    days: int = 0
    """Days that were made anew from all of their events."""
    buckets: int = 0
    summaries: int = 0
    subjects: int = 0
    """Subjects that were first seen, or whose categories were not settled yet."""
    seconds: float = 0.0
    rebuilt: bool = False
    """Whether all days that have events were made anew."""


@dataclass(frozen=True, slots=True)
class _Chunk:
    files: list[Path]
    rows: int
    within: tuple[int, int] | None = None
    """Which rows of its one file, where that has too many; the end is not included."""


def profile(
    lake: Lake, *, again: Sequence[date] = (), everything: bool = False, on_progress: Progress | None = None
) -> Profiled:
    """Bring the profiles up to the newest events; nothing is lost or counted twice, wherever this process is killed.

    `again`: days whose profiles are made anew from their events, as far as these are still there. `everything`: all
    days, and what is frozen of the subjects too, unless days remain whose events are gone. `on_progress` is called with
    events done and events to do. Of two runs at once one starts again.

    Raises:
        DamagedLakeError: a table's log or a file cannot be read.
        CommitConflictError: others committed again and again.
        LakeError: the lake cannot be written.
    """
    started = time.perf_counter()
    lake.ensure_table(PROFILES)
    for attempt in range(ATTEMPTS):
        try:
            done = _once(lake, again, everything=everything, on_progress=on_progress)
        except (CommitConflictError, FileNotFoundError, duckdb.Error) as error:
            # A file that is not there was put together with others, and removed, since the log was read.
            passing = isinstance(error, CommitConflictError | FileNotFoundError | duckdb.IOException)
            if passing and attempt + 1 < ATTEMPTS:
                time.sleep(0.05 * attempt)
                continue
            if isinstance(error, CommitConflictError):
                raise
            raise DamagedLakeError(
                f"events or profiles in {lake.root} cannot be read: {str(error).partition(chr(10))[0]}",
                hint=f"reckon doctor --lake {lake.root} explains it and can repair it",
            ) from error
        if done.buckets or done.summaries:
            tidy(lake)
        return replace(done, seconds=round(time.perf_counter() - started, 3))
    raise AssertionError  # not reached: the last attempt returns or raises


def behind(lake: Lake) -> int | None:
    """How many events the next run will count; None where none ever did.

    Raises:
        DamagedLakeError: a table's log or a file cannot be read.
    """
    if not lake.has_table(PROFILES):
        return None
    try:
        news = feed(lake, lake.table(PROFILES))
    except FileNotFoundError as error:
        raise DamagedLakeError(
            f"a file of events is lost: {error.filename}", hint=f"reckon doctor --lake {lake.root} explains it"
        ) from error
    return sum(rows for _, rows in news.files) if news else 0


def _once(lake: Lake, again: Sequence[date], *, everything: bool, on_progress: Progress | None) -> Profiled:
    table = lake.table(PROFILES)
    news = feed(lake, table, again, everything=everything)
    if news is None:
        return Profiled(table.transaction_version(APP) or 0)
    listed = snapshot_of(table).files
    gone = lost(listed)
    files = [f for f in listed if f not in gone]
    with _engine() as con:
        afresh = everything and not others(con, files, news.days)
        tally = Tally(con, "" if afresh else known_subjects(files))
        done, total = 0, sum(rows for _, rows in news.files)
        for chunk in _chunks(news.files):
            if on_progress:
                on_progress(done, total)
            tally.add(chunk.files, chunk.within)
            done += chunk.rows
        tally.rows(news.version)
        buckets, summaries, subjects = (_count(con, t) for t in ("bucket_rows", "summary_rows", "subject_rows"))
        actions, written, replaced = write(con, lake, files, news.days, gone, afresh=afresh)
    live = {f.path.name for f in listed} - {f.path.name for f in replaced} | {path.name for path in written}
    try:
        txns = {APP: news.version, MARK: news.mark, FILES: files_mark(live)}
        commit(table, actions, txns=txns, metadata={"deadreckon.step": "profile"})
    except CommitConflictError:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return Profiled(news.version, done, len(news.days), buckets, summaries, subjects, rebuilt=news.everything)


def _chunks(files: Sequence[tuple[Path, int]]) -> Iterator[_Chunk]:
    small: list[Path] = []
    rows = 0
    for path, n in files:
        if n > CHUNK_ROWS:
            # Compaction makes files of millions of events.
            for first in range(0, n, CHUNK_ROWS):
                last = min(first + CHUNK_ROWS, n)
                yield _Chunk([path], last - first, (first, last))
            continue
        if rows + n > CHUNK_ROWS:
            yield _Chunk(small, rows)
            small, rows = [], 0
        small.append(path)
        rows += n
    if small:
        yield _Chunk(small, rows)


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    found = con.execute(f"FROM {table} SELECT count(*)").fetchone()
    return int(found[0]) if found else 0


@contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    spill = tempfile.mkdtemp(prefix="deadreckon-profiles-")
    config: dict[str, Any] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": spill,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        with duckdb.connect(config=config) as con:
            # Which rows come first decides nothing: every choice is by count and by value.
            con.execute("SET TimeZone = 'UTC'; SET preserve_insertion_order = false; SET enable_progress_bar = false")
            yield con
    finally:
        shutil.rmtree(spill, ignore_errors=True)
