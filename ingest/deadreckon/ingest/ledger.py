"""What the lake already knows: which inputs were read how far, and which ids are in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import duckdb

from deadreckon.core import schema
from deadreckon.core.errors import DamagedLakeError
from deadreckon.core.lake import DataFile, Snapshot
from deadreckon.ingest.rejects import REPAIRED
from deadreckon.ingest.sources import Known
from deadreckon.ingest.staging import relation
from deadreckon.ingest.write import Written


def known_sources(con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> dict[str, Known]:
    """Every input that was ever read, with its end and the hash of the bytes before it."""
    rows = _ledger(con, snapshot, "source_id, max(end_offset), arg_max(tail_hash, end_offset)", "source", "source_id")
    return {source: Known(end, tail or "") for source, end, tail in rows}


def known_problems(con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> set[str]:
    """The quarantine ids of inputs whose damage has been reported, and not repaired since."""
    rows = _ledger(con, snapshot, "quarantine_id, max(error_code)", "quarantine", "quarantine_id", "damaged_source")
    mended = _ledger(con, snapshot, "quarantine_id, max(resolution)", "resolution", "quarantine_id") if rows else []
    return {row[0] for row in rows} - {row[0] for row in mended if row[1] == REPAIRED}


def _ledger(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, columns: str, record: str, group: str, code: str | None = None
) -> list[tuple[str, Any, str]]:
    files = [str(f.path) for f in snapshot.part(schema.PART_LEDGER)]
    if not files:
        return []
    query = f"""
        SELECT {columns} FROM read_parquet($files, union_by_name = true)
        WHERE record = $record AND ($code IS NULL OR error_code = $code) GROUP BY {group}
    """
    return asked(con, query, {"files": files, "record": record, "code": code})


def asked(con: duckdb.DuckDBPyConnection, query: str, values: object = None) -> list[tuple[Any, ...]]:
    """The rows of a query that reads files of the lake.

    Raises:
        DamagedLakeError: one of them is missing or cannot be read.
    """
    try:
        return con.execute(query, values).fetchall()
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise DamagedLakeError(
            f"a file of the lake cannot be read: {str(error).partition(chr(10))[0]}",
            hint="reckon doctor finds out why; nothing was committed",
        ) from error


def overlapping(snapshot: Snapshot, low: str, high: str, days: Iterable[date], horizon: int) -> list[DataFile]:
    """The event files in which an id between low and high may be, within `horizon` days of these days.

    UUIDv7 ids grow with time, so that this is few files; with other ids the horizon bounds it.
    """
    wanted = sorted(days)
    reach = timedelta(days=min(horizon, date.max.toordinal()))
    first = wanted[0] - reach if wanted and wanted[0] - date.min > reach else date.min
    last = wanted[-1] + reach if wanted and date.max - wanted[-1] > reach else date.max
    return [
        file
        for file in snapshot.part(schema.PART_EVENTS)
        if (file.ids is None or (file.ids[0] <= high and file.ids[1] >= low))
        and (file.date is None or first <= file.date <= last)
    ]


class Repeated(NamedTuple):
    """A row whose id came before: which it is, by its file's place among those asked about, and its input."""

    file: int
    row: int
    source_id: str


def repeated(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, written: Sequence[Written], horizon: int
) -> list[Repeated]:
    """The rows of a batch's files whose id came before: in the batch itself, or in the lake."""
    if not written:
        return []
    batch = relation(written)
    count, distinct, low, high = con.execute(
        f"SELECT count(*), count(DISTINCT event_id), min(event_id), max(event_id) FROM {batch}"
    ).fetchall()[0]
    again: list[tuple[Any, ...]] = []
    chosen = f"SELECT file_index, file_row_number, source_id FROM {batch}"
    if distinct != count:
        order = "source_id, source_offset, file_index, file_row_number"
        again += asked(con, f"{chosen} QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY {order}) > 1")
    files = [str(f.path) for f in overlapping(snapshot, low, high, {file.day for file in written}, horizon)]
    if files:
        again += asked(
            con,
            f"""{chosen} WHERE event_id IN (
                SELECT event_id FROM read_parquet($files) WHERE event_id BETWEEN $low AND $high)""",
            {"files": files, "low": low, "high": high},
        )
    return [Repeated(*row) for row in sorted(set(again))]
