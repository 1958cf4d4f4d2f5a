"""Data files that are missing, cut off or unreadable; and what can be done about the rows that they held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deadreckon.core.doctor.finding import Cabinet, Finding, Severity, Stage
from deadreckon.core.doctor.history import History, rows_of
from deadreckon.core.doctor.partial import SERIAL, again, gone
from deadreckon.core.doctor.rewind import Rewind
from deadreckon.core.doctor.toll import Toll
from deadreckon.core.lake import EVENTS_TABLE, Action, Lake, TableSpec, commit
from deadreckon.core.maintenance.tables import LiveFile, live_files
from deadreckon.core.profiles import PROFILES


def examine_files(lake: Lake, spec: TableSpec, *, deep: bool) -> Iterator[Finding]:
    """Look at each live file: is it there, as long as the log says, with a readable end and the rows promised.

    `deep`: every page is read and decoded as well.
    """
    history: History | None = None
    files, _ = live_files(lake.table(spec))
    for file in files:
        fault = fault_of(file, deep=deep)
        if fault:
            history = history or History.of(lake.table_path(spec))
            yield _finding(lake, spec, file, fault, history)


def fault_of(file: LiveFile, *, deep: bool) -> str:
    """What is wrong with a data file; empty when it is whole."""
    try:
        size = file.path.stat().st_size
    except OSError as error:
        return "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    if size != file.size:
        return f"has {size} bytes where the log says {file.size}"
    return unreadable(file.path, file.rows, deep=deep)


def unreadable(path: Path, rows: int | None, *, deep: bool) -> str:
    """Why a Parquet file cannot be read, or how it differs from the rows promised; empty when it is whole."""
    try:
        with pq.ParquetFile(path) as parquet:
            found = parquet.metadata.num_rows
            if deep:
                found = sum(batch.num_rows for batch in parquet.iter_batches())
    except (OSError, pa.ArrowException) as error:
        return f"cannot be read: {str(error).partition(chr(10))[0]}"
    return f"holds {found} rows where the log says {rows}" if rows not in (None, found) else ""


def _finding(lake: Lake, spec: TableSpec, file: LiveFile, fault: str, history: History) -> Finding:
    parts = history.made_of(file.raw)
    whole = bool(parts) and all(
        history.exists(p) and not unreadable(lake.table_path(spec) / p, rows_of(history.adds[p]), deep=True)
        for p in parts
    )
    ranges = history.ranges(file.raw) if spec.name == EVENTS_TABLE.name else []
    plan = Rewind.plan(lake, ranges)
    toll: Toll | None = None
    if whole:
        risk = "no row is lost"
        remedy = f"the {len(parts)} files that it was merged from are still there: they take its place, no row is lost"
    elif spec.name == EVENTS_TABLE.name:
        toll = Toll.of(lake, file, ranges, plan)
        risk, remedy = toll.risk(), toll.remedy(plan)
    elif spec.name == PROFILES.name:
        risk = "the counts of days whose events have expired are lost with it"
        remedy = f"it leaves the table; reckon profile --rebuild .. --lake {lake.root} counts the events again"
    else:
        risk, remedy = f"its {file.rows} rows are lost", "it leaves the table, so that all else can be read again"
    return Finding(
        "file_missing" if fault == "is not there" else "file_damaged",
        Severity.damage,
        spec.name,
        file.raw,
        f"a data file of {file.rows} rows {fault}",
        f"queries that need it fail; {risk}",
        remedy,
        Stage.files,
        None
        if toll and plan.waiting
        else lambda cabinet: _mend(cabinet, lake, spec, file, history, parts if whole else [], plan, toll),
    )


def _mend(
    cabinet: Cabinet,
    lake: Lake,
    spec: TableSpec,
    file: LiveFile,
    history: History,
    parts: list[str],
    plan: Rewind,
    toll: Toll | None,
) -> str:
    kept = f"; what is left of it is kept in {cabinet.keep(file.path)}" if file.path.exists() else ""
    if toll is not None:
        return plan.carry_out(lake, file) + toll.said() + kept
    table = lake.table(spec)
    actions: list[Action] = [again(history.adds[p]) for p in parts]
    actions.append(gone(history.adds[file.raw], int(time.time() * 1000)))
    txns = {SERIAL: (table.transaction_version(SERIAL) or 0) + 1} if spec.name == EVENTS_TABLE.name else {}
    commit(table, actions, txns=txns, metadata={"deadreckon.doctor": "restore" if parts else "drop"})
    return (f"{len(parts)} files took its place" if parts else f"its {file.rows} rows left the table") + kept
