"""Merging files into one that holds the same rows: written aside, forced to the disk, compared, then committed."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core.durable import fsync_directory, fsync_file
from deadreckon.core.errors import CommitConflictError, DamagedLakeError, LakeError
from deadreckon.core.lake import Action, Lake, TableSpec, commit
from deadreckon.core.maintenance.plan import Merge
from deadreckon.core.maintenance.tables import live_files, removal

SORT_COLUMNS: Final = ("ts", "event_id", "ingested_at", "source_id", "source_offset")
"""By time, then by id: neighbours compress well, and both columns' ranges stay narrow in each row group."""

MEMORY_LIMIT: Final = "1GB"
LONGEST_BOUND: Final = 256
"""Characters of a text in statistics; longer ones are left out, since only exact bounds are noted."""

READ: Final = "read_parquet($files, union_by_name = true, hive_partitioning = false)"
TIMES: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")


@dataclass(frozen=True, slots=True)
class Merged:
    """What one merge did."""

    files: int
    bytes_before: int
    bytes_after: int
    rows: int


@contextmanager
def engine(workshop: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB connection of bounded memory that spills into `workshop`."""
    config: dict[str, Any] = {
        "memory_limit": MEMORY_LIMIT,
        "temp_directory": str(workshop / "spill"),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        # The bar that DuckDB draws on standard output would be part of what a command answers.
        connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        yield connection


def merge(lake: Lake, spec: TableSpec, plan: Merge, workshop: Path) -> Merged | None:
    """Replace the plan's files by one with the same rows, in one commit; None when they are no longer all live.

    Appends by others go on meanwhile and do not conflict. Nothing changes if this process is killed at any point.

    Raises:
        DamagedLakeError: a file is missing, cannot be read, or does not hold the rows that the log promises.
        LakeError: the merged file cannot be written, or did not come out with the same rows.
    """
    table = lake.table(spec)
    live, covered = live_files(table)
    if not {f.raw for f in plan.files} <= {f.raw for f in live}:
        return None
    name = f"merged-{uuid.uuid4()}.parquet"
    aside = workshop / name
    final = plan.files[0].path.parent / name
    try:
        rows, statistics = _write(plan, aside, covered, spec, lake)
        fsync_file(aside)
        aside.rename(final)
        fsync_directory(final.parent)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise LakeError(
            f"cannot write the merged file {final}: {error.strerror or error}", hint="check that the disk has room"
        ) from error
    size = final.stat().st_size
    now_ms = int(time.time() * 1000)
    raw = f"{plan.files[0].raw.rpartition('/')[0]}/{name}".removeprefix("/")
    # The youngest row's time is kept: retention judges days that lie in the future by it.
    youngest = max(f.modified_ms for f in plan.files)
    actions: list[Action] = [AddAction(raw, size, dict(plan.partition), youngest, data_change=False, stats=statistics)]
    actions += [removal(f, now_ms, data_change=False) for f in plan.files]
    try:
        commit(table, actions, metadata={"deadreckon.step": "compact"})
    except CommitConflictError:
        final.unlink(missing_ok=True)  # nobody can know of it: its name is new and was never committed
        return None
    return Merged(len(plan.files), plan.size, size, rows)


def _write(plan: Merge, aside: Path, covered: Sequence[str], spec: TableSpec, lake: Lake) -> tuple[int, str]:
    """Write the merged file, prove that it holds the same rows, and give its row count and Delta statistics."""
    sources = {"files": [str(f.path) for f in plan.files]}
    with engine(aside.parent) as connection:
        try:
            columns = describe(connection, sources)
            before = _fingerprint(connection, sources)
        except duckdb.Error as error:
            raise damaged(lake, spec, "compacted", str(error)) from error
        if plan.rows is not None and before[0] != plan.rows:
            where = ", ".join(f"{key}={value}" for key, value in plan.partition)
            raise damaged(
                lake, spec, "compacted", f"the files of {where} hold {before[0]} rows where the log says {plan.rows}"
            )
        try:
            write_rows(connection, f"FROM {READ}", sources, columns, aside)
            written = {"files": [str(aside)]}
            after = _fingerprint(connection, written)
            statistics = statistics_of(connection, written, {c: columns[c] for c in covered if c in columns})
        except duckdb.Error as error:
            raise LakeError(
                f"cannot write the merged file {aside}: {error}", hint="check that the disk has room"
            ) from error
    if after != before or pq.read_metadata(aside).num_rows != before[0]:
        raise LakeError(
            f"the merged file {aside} does not hold the rows it was made of ({after[0]} of {before[0]})",
            hint="nothing was replaced; check the disk and the memory of this machine, then run the command again",
        )
    return before[0], statistics


def describe(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Any]) -> dict[str, str]:
    """The columns of these files and their types."""
    return {row[0]: row[1] for row in connection.execute(f"DESCRIBE FROM {READ}", files).fetchall()}


def write_rows(
    connection: duckdb.DuckDBPyConnection, query: str, values: Mapping[str, Any], columns: Collection[str], target: Path
) -> None:
    """Write the rows of a query as one durable Parquet file, sorted by those of `SORT_COLUMNS` that it has."""
    order = [c for c in SORT_COLUMNS if c in columns]
    sort = f"ORDER BY {', '.join(order)}" if order else ""
    quoted = str(target).replace("'", "''")
    connection.execute(f"COPY ({query} {sort}) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)", values)
    fsync_file(target)


def _fingerprint(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Any]) -> tuple[int, int]:
    """How many rows, and a sum over the hash of each whole row: equal for the same rows in any order."""
    found = connection.execute(f"FROM {READ} t SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0)", files).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def statistics_of(connection: duckdb.DuckDBPyConnection, files: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    """Row count, and smallest, largest and missing values of these columns, as Delta writes them."""
    count = connection.execute(f"FROM {READ} SELECT count(*)", files).fetchone()
    bounds: dict[str, dict[str, Any]] = {"minValues": {}, "maxValues": {}, "nullCount": {}}
    for name, type_ in columns.items():
        quoted = '"' + name.replace('"', '""') + '"'
        spelled = f"strftime({quoted}, '%Y-%m-%dT%H:%M:%S.%fZ')" if type_ in TIMES else quoted
        low, high, nulls = connection.execute(
            f"FROM {READ} SELECT min({spelled}), max({spelled}), count(*) FILTER ({quoted} IS NULL)",
            files,
        ).fetchone() or (None, None, 0)
        bounds["nullCount"][name] = nulls
        low, high = _bound(low), _bound(high)
        if low is not None and high is not None:
            bounds["minValues"][name], bounds["maxValues"][name] = low, high
    return json.dumps({"numRecords": count[0] if count else 0, **bounds})


def _bound(value: Any) -> str | int | float | None:
    if isinstance(value, str) and len(value) > LONGEST_BOUND:
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value - value != 0:  # infinity and not-a-number have no JSON
        return None
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def damaged(lake: Lake, spec: TableSpec, done: str, why: str) -> DamagedLakeError:
    """The error for files that cannot be read; `done` is what was to be done with them."""
    return DamagedLakeError(
        f"table {spec.name} in {lake.root} cannot be {done}: {why}",
        hint=f"reckon doctor --lake {lake.root} explains it and can repair it",
    )
