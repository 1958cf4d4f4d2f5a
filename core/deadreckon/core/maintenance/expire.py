"""Retention by whole days: files of old days leave the table in one commit; offsets stay, so no old log returns."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
from deltalake.transaction import AddAction

from deadreckon.core.durable import fsync_all
from deadreckon.core.errors import LakeError
from deadreckon.core.lake import Action, Lake, TableSpec, commit
from deadreckon.core.maintenance.merge import READ, damaged, describe, engine, write_rows
from deadreckon.core.maintenance.tables import LiveFile, live_files, removal
from deadreckon.core.schema import PART_LEDGER, ledger_part

KEPT: Final = "kept-"
"""What the file begins with that keeps, of the ledger's expired days, how far each input was read."""
SUMS: Final = ("lines", "committed", "duplicates", "quarantined")
OPEN_LINES: Final = """
    SELECT count(*) FROM read_parquet($gone, union_by_name = true, hive_partitioning = false) AS line
    WHERE record = 'quarantine' AND error_code IS DISTINCT FROM 'lost' AND NOT EXISTS (
        SELECT 1 FROM read_parquet($all, union_by_name = true, hive_partitioning = false) AS answer
        WHERE answer.record = 'resolution' AND answer.quarantine_id = line.quarantine_id)
"""
INPUTS: Final = f"""
    FROM {READ}
    SELECT count(DISTINCT source_id) FILTER (record = 'source'), count(*) FILTER (record = 'source'), count(*)
"""


@dataclass(frozen=True, slots=True)
class Expired:
    """What leaves the table. `open_lines`: quarantined lines among it that were neither replayed nor dropped."""

    files: tuple[LiveFile, ...]
    open_lines: int = 0

    @property
    def days(self) -> list[date]:
        """The days concerned, in order."""
        return sorted({f.day for f in self.files if f.day})


def expired(files: Sequence[LiveFile], *, today: date, retention_days: int) -> list[LiveFile]:
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
    ledger = [f for f in gone if _is_ledger(f)]
    if len(ledger) == 1 and ledger[0].path.name.startswith(KEPT):
        gone.remove(ledger[0])  # all that is left of the ledger's expired days
    return gone


def oldest_kept(today: date, retention_days: int) -> date:
    """The first day that is kept: today and the `retention_days` - 1 days before it; all days when it is 0."""
    if retention_days == 0 or retention_days >= today.toordinal():
        return date.min
    return today - timedelta(days=retention_days - 1)


def expire(lake: Lake, spec: TableSpec, workshop: Path, *, now: datetime, retention_days: int) -> Expired:
    """Drop the files of expired days from the table, in one commit.

    Of the ledger's expired days one row per input stays: how far it was read and by what it is known again. Raw lines
    of the quarantine go with their day.

    Raises:
        CommitConflictError: another process removed some of the same files meanwhile; nothing was dropped.
    """
    table = lake.table(spec)
    files, _ = live_files(table)
    gone = expired(files, today=now.astimezone(UTC).date(), retention_days=retention_days)
    if not gone:
        return Expired(())
    now_ms = int(time.time() * 1000)
    actions: list[Action] = []
    old = [f for f in gone if _is_ledger(f)]
    open_lines = 0
    if old:
        try:
            kept, open_lines = _keep_offsets(lake, spec, old, [f for f in files if _is_ledger(f)], workshop)
        except (duckdb.Error, OSError) as error:
            raise damaged(lake, spec, "expired", str(error)) from error
        actions.append(kept)
    # What is kept comes first: a commit cut off by a power cut must not have lost it.
    actions += [removal(f, now_ms, data_change=True) for f in gone]
    commit(table, actions, metadata={"deadreckon.step": "expire"})
    return Expired(tuple(gone), open_lines)


def _is_ledger(file: LiveFile) -> bool:
    return dict(file.partition).get("part") == PART_LEDGER


def _keep_offsets(
    lake: Lake, spec: TableSpec, old: Sequence[LiveFile], everything: Sequence[LiveFile], workshop: Path
) -> tuple[AddAction, int]:
    youngest = max(old, key=lambda f: (f.day or date.min, f.raw))
    name = f"{KEPT}{uuid.uuid4()}.parquet"
    aside, final = workshop / name, youngest.path.parent / name
    sources = {"files": [str(f.path) for f in old]}
    with engine(workshop) as connection:
        have = describe(connection, sources)
        chosen = ", ".join(_summary(c.name, c.duckdb_type, have=c.name in have) for c in ledger_part())
        query = f"(FROM {READ} SELECT {chosen} WHERE record = 'source' GROUP BY source_id)"
        query += f" UNION ALL BY NAME (FROM {READ} WHERE error_code = 'lost')"
        write_rows(connection, query, sources, (), aside)
        before = connection.execute(INPUTS, sources).fetchone()
        after = connection.execute(INPUTS, {"files": [str(aside)]}).fetchone()
        everywhere = {"gone": sources["files"], "all": [str(f.path) for f in everything]}
        open_lines = connection.execute(OPEN_LINES, everywhere).fetchone()
    if before is None or after is None or after[0] != before[0] or after[1] != before[0]:
        raise LakeError(
            f"{aside} would keep {after} of {before} inputs",
            hint="nothing was replaced; check the disk, then run the command again",
        )
    aside.rename(final)
    fsync_all([final], up_to=lake.table_path(spec))
    raw = f"{youngest.raw.rpartition('/')[0]}/{name}"
    latest = max(f.modified_ms for f in old)
    statistics = json.dumps({"numRecords": after[2]})
    added = AddAction(raw, final.stat().st_size, dict(youngest.partition), latest, data_change=True, stats=statistics)
    return added, open_lines[0] if open_lines else 0


def _summary(name: str, type_: str, *, have: bool) -> str:
    if not have:
        return f"NULL::{type_} AS {name}"
    if name in ("source_id", "record"):
        return f"any_value({name}) AS {name}"
    if name == "source_offset":
        return "min(source_offset) AS source_offset"
    if name in ("end_offset", "ingested_at"):
        return f"max({name}) AS {name}"
    if name in ("source_path", "tail_hash"):
        return f"arg_max({name}, end_offset) AS {name}"
    return f"sum({name})::BIGINT AS {name}" if name in SUMS else f"NULL::{type_} AS {name}"
