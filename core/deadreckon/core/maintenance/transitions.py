"""Retention of what alerts went through, and of what people did about them: old rows leave their tables.

The monitor decides by its states and its transaction identifiers alone; transitions wait there to be told as events,
and are history from then on. The same holds for silences that are over, and for acknowledgements of alerts that are
open no more. Their events expire by the same day. States never leave.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core.durable import fsync_all
from deadreckon.core.lake import Action, Lake, TableSpec, commit
from deadreckon.core.maintenance.expire import KEPT, oldest_kept
from deadreckon.core.maintenance.log import Log
from deadreckon.core.maintenance.merge import damaged, engine, write_rows
from deadreckon.core.maintenance.tables import LiveFile, live_files, removal

STATES: Final = "alert_states"
DEEDS: Final = "alert_deeds"
STATE: Final = "state"
"""The part of the states' table that holds how alerts stand now."""
WHAT: Final = {STATES: "old transitions", DEEDS: "old deeds"}
"""The tables that rows leave, and what these are called."""
TOLD: Final = "told:"
"""Transaction identifiers that begin so say up to which run a reader has told the transitions."""

JUDGED: Final = {
    STATES: """
    FROM read_parquet($files, union_by_name = true, hive_partitioning = false, filename = true)
    SELECT *, window_end < $oldest AND run <= $told
        AND row_number() OVER (PARTITION BY rule, "group" ORDER BY window_end DESC, run DESC) > 1 AS past
""",
    # A silence leaves with what ended it, and what was done about one alert leaves together.
    DEEDS: """
    FROM read_parquet($files, union_by_name = true, hive_partitioning = false, filename = true)
    SELECT *, bool_and(number <= $told) OVER same
        AND coalesce(min(CASE deed WHEN 'silenced' THEN ends_at WHEN 'unsilenced' THEN "at" END) OVER same,
                     max("at") OVER same) < epoch($oldest)
        AND NOT list_contains(CAST($open AS VARCHAR[]), about) AS past
    WINDOW same AS (PARTITION BY CASE deed WHEN 'silenced' THEN id ELSE about END)
""",
}
OLD: Final = "FROM ({judged}) SELECT filename, count(*) FILTER (past) GROUP BY filename HAVING bool_or(past)"
YOUNG: Final = "FROM ({judged}) SELECT * EXCLUDE (filename, past) WHERE NOT past AND list_contains($hit, filename)"
OPEN: Final = """
    FROM read_parquet($files, union_by_name = true, hive_partitioning = false)
    SELECT rule, "group", CAST(epoch(active_since) AS BIGINT) WHERE active_since IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Files that are replaced by one, the rows that leave with them, and the size of what stays (None: not known)."""

    files: tuple[LiveFile, ...] = ()
    rows: int = 0
    kept_files: int = 0
    kept_bytes: int | None = 0


def forget(
    lake: Lake, spec: TableSpec, workshop: Path, *, now: datetime, retention_days: int, dry_run: bool = False
) -> Forgotten:
    """Drop the transitions, or deeds, that were over before the first day that is kept, in one commit.

    What nobody has told yet stays, and so do the newest transition of each stream and what is done about open alerts.

    Raises:
        CommitConflictError: another process removed some of the same files meanwhile; nothing was dropped.
        DamagedLakeError: a file cannot be read.
    """
    # Read before the table: what was told by now is told in the table, too.
    told = [n for app, n in Log.of(lake.table_path(spec)).offsets().items() if app.startswith(TOLD)]
    table = lake.table(spec)
    files = [f for f in live_files(table)[0] if dict(f.partition).get("part") != STATE]
    oldest = oldest_kept(now.astimezone(UTC).date(), retention_days)
    if not told or not files:
        return Forgotten()
    values: dict[str, Any] = {
        "files": [str(f.path) for f in files],
        "oldest": datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC),
        "told": min(told),
    }
    judged = JUDGED[spec.name]
    try:
        with duckdb.connect() as connection:
            if spec.name == DEEDS:
                values["open"] = _open(lake, connection)
            counts = dict(connection.execute(OLD.format(judged=judged), values).fetchall())
        hit = tuple(f for f in files if str(f.path) in counts)
        rows = sum(counts.values())
        if dry_run or not hit:
            return Forgotten(hit, rows, kept_bytes=None if hit else 0)
        kept = _keep(lake, spec, hit, values, workshop)
    except (duckdb.Error, OSError) as error:
        raise damaged(lake, spec, "expired", str(error)) from error
    now_ms = int(time.time() * 1000)
    # What is kept comes first: a commit cut off by a power cut must not have lost it.
    actions: list[Action] = [*kept, *(removal(f, now_ms, data_change=True) for f in hit)]
    commit(table, actions, metadata={"deadreckon.step": "expire"})
    return Forgotten(hit, rows, len(kept), sum(a.size for a in kept))


def _open(lake: Lake, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The alerts that are open, as deeds name them: rule, labels and since when."""
    spec = TableSpec(STATES, pa.schema([]), ("part",))
    if not lake.has_table(spec):
        return []
    files = [str(f.path) for f in live_files(lake.table(spec))[0] if dict(f.partition).get("part") == STATE]
    found = connection.execute(OPEN, {"files": files}).fetchall() if files else []
    return [orjson.dumps(list(row)).decode() for row in found]


def _keep(
    lake: Lake, spec: TableSpec, hit: Sequence[LiveFile], values: dict[str, Any], workshop: Path
) -> list[AddAction]:
    name = f"{KEPT}{uuid.uuid4()}.parquet"
    aside, final = workshop / name, hit[-1].path.parent / name
    with engine(workshop) as connection:
        write_rows(
            connection, YOUNG.format(judged=JUDGED[spec.name]), {**values, "hit": [str(f.path) for f in hit]}, (), aside
        )
    rows = pq.read_metadata(aside).num_rows
    if not rows:
        aside.unlink()
        return []
    aside.rename(final)
    fsync_all([final], up_to=lake.table_path(spec))
    raw = f"{hit[-1].raw.removesuffix(hit[-1].raw.rpartition('/')[2])}{name}"
    latest = max(f.modified_ms for f in hit)
    stats = json.dumps({"numRecords": rows})
    return [AddAction(raw, final.stat().st_size, dict(hit[-1].partition), latest, data_change=True, stats=stats)]
