"""Counted rows written as files of the table, and what they replace."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow.parquet as pq
from deltalake.transaction import AddAction, RemoveAction

from deadreckon.core.durable import fsync_all
from deadreckon.core.lake import Action, DataFile, Lake
from deadreckon.core.maintenance.fold import fold, plan_folds
from deadreckon.core.maintenance.tables import live_files
from deadreckon.core.profiles import BUCKET, COLUMNS, GROUP, PROFILES, SUBJECT, SUMMARY
from deadreckon.queries.binding import literal

_TABLES: Final = {BUCKET: "bucket_rows", SUMMARY: "summary_rows"}
_UNDATED: Final = date(1970, 1, 1)
"""The partition of subjects, which belong to no month."""
_READ: Final = "read_parquet({files}, union_by_name = true, hive_partitioning = false)"


def source(files: Sequence[DataFile]) -> str:
    """Files as a relation in SQL; there must be one at least."""
    return _READ.format(files=f"[{', '.join(literal(str(f.path)) for f in files)}]")


def known_subjects(files: Sequence[DataFile]) -> str:
    """The query of the subjects as they are frozen now; empty where there are none."""
    of_subjects = [f for f in files if f.part == SUBJECT]
    if not of_subjects:
        return ""
    newest = ", ".join(f"arg_max({c}, version) AS {c}" for c in COLUMNS[SUBJECT] if c not in ("subject", "version"))
    return f"FROM {source(of_subjects)} SELECT subject, {newest} GROUP BY subject"


def others(con: duckdb.DuckDBPyConnection, files: Sequence[DataFile], days: Sequence[date]) -> bool:
    """Whether there are profiles of other days than these."""
    summed = [f for f in files if f.part == SUMMARY]
    if not summed:
        return False
    found = con.execute(
        f"FROM {source(summed)} SELECT count(*) WHERE NOT list_contains($days, CAST(hour AS DATE))",
        {"days": list(days)},
    ).fetchone()
    return found != (0,)


def keep_others(con: duckdb.DuckDBPyConnection, files: Sequence[DataFile], days: Sequence[date]) -> list[DataFile]:
    """Take the rows of the other days in the months of `days` into what is written; the files that it then replaces."""
    months = {day.replace(day=1) for day in days}
    replaced = [f for f in files if f.part in _TABLES and f.date in months]
    for part, table in _TABLES.items():
        if of_part := [f for f in replaced if f.part == part]:
            con.execute(
                f"INSERT INTO {table} BY NAME FROM {source(of_part)} SELECT {', '.join(COLUMNS[part])} "
                "WHERE NOT list_contains($days, CAST(hour AS DATE))",
                {"days": list(days)},
            )
    return replaced


def write(
    con: duckdb.DuckDBPyConnection,
    lake: Lake,
    files: Sequence[DataFile],
    days: Sequence[date],
    gone: Sequence[DataFile] = (),
    *,
    afresh: bool = False,
) -> tuple[list[Action], list[Path], list[DataFile]]:
    """Write what was counted, durably: actions that put it in the place of those days, files written and replaced.

    `gone`: files that were lost, and leave the table; `afresh`: the subjects are replaced as well.
    """
    now_ms = int(time.time() * 1000)
    root = lake.table_path(PROFILES)
    replaced = [*keep_others(con, files, days), *(f for f in files if afresh and f.part == SUBJECT), *gone]
    actions: list[Action] = []
    for part, month, query in _queries(con):
        path = root / f"part={part}" / f"date={month.isoformat()}" / f"{uuid.uuid4()}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        con.execute(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)")
        rows = pq.read_metadata(path).num_rows
        actions.append(
            AddAction(
                path.relative_to(root).as_posix(),
                path.stat().st_size,
                {"part": part, "date": month.isoformat()},
                now_ms,
                data_change=True,
                stats=json.dumps({"numRecords": rows}),
            )
        )
    written = [root / a.path for a in actions]
    fsync_all(written, up_to=root)
    actions += [
        RemoveAction(
            f.path.relative_to(root).as_posix(),
            data_change=True,
            deletion_timestamp=now_ms,
            size=f.size,
            partition_values=dict(f.partition),
        )
        for f in replaced
    ]
    return actions, written, replaced


def tidy(lake: Lake) -> None:
    """Put the files of a month together when many small runs have made too many for those who read them.

    `reckon maintain` does it more thoroughly; here it is for the months that are being written, every so many runs.
    """
    files, _ = live_files(lake.table(PROFILES))
    # Of the first day of all, every month is one that is being written.
    for plan in plan_folds(files, today=date.min, hourly_days=0):
        workshop = lake.root / f"_new-{uuid.uuid4().hex}"
        workshop.mkdir()
        try:
            fold(lake, plan, workshop)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def _queries(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, date, str]]:
    for part, table in _TABLES.items():
        columns = ", ".join(COLUMNS[part])
        order = ", ".join(["subject", *(c for c in GROUP if c != "subject"), *(["bucket"] if part == BUCKET else [])])
        months = f"FROM {table} SELECT DISTINCT CAST(date_trunc('month', hour) AS DATE) ORDER BY 1"
        for (month,) in con.execute(months).fetchall():
            where = f"CAST(date_trunc('month', hour) AS DATE) = DATE '{month}'"
            yield part, month, f"FROM {table} SELECT {columns} WHERE {where} ORDER BY {order}"
    if con.execute("SELECT count(*) FROM subject_rows").fetchone() != (0,):
        yield SUBJECT, _UNDATED, f"FROM subject_rows SELECT {', '.join(COLUMNS[SUBJECT])} ORDER BY subject"
