"""Losses on record: what cannot be read again becomes a quarantined line that says so."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core import schema
from deadreckon.core.doctor.history import Range
from deadreckon.core.doctor.inputs import whole_files
from deadreckon.core.durable import fsync_all
from deadreckon.core.lake import Lake
from deadreckon.core.maintenance.merge import READ
from deadreckon.core.maintenance.tables import LiveFile

RANGES: Final = """
    (SELECT unnest($ids) AS id, unnest($starts) AS first, unnest($ends) AS past, generate_subscripts($ids, 1) AS number)
"""
LIVE: Final = f"""
    FROM {READ} JOIN {RANGES} ON source_id = id AND source_offset >= first AND source_offset < past
    SELECT number, count(*) GROUP BY number
"""
COMMITTED: Final = f"""
    FROM {READ} JOIN {RANGES} ON source_id = id AND source_offset >= first AND end_offset <= past
    SELECT number, sum(committed) WHERE record = 'source' GROUP BY number
"""


def losses(lake: Lake, broken: LiveFile, lost: Sequence[Range], *, known: bool) -> list[dict[str, Any]]:
    """The ledger rows that record what went with `broken`; `known`: whether the log says which inputs it held."""
    name = broken.path.name
    ledger = dict(broken.partition).get("part") == schema.PART_LEDGER
    rows: list[dict[str, Any]] = []
    for found, count in missing_events(lake, lost, broken).items():
        if ledger:
            rows.append(lost_row(found, f"the ledger of these bytes was in {name}, which is gone"))
        elif count:
            rows.append(lost_row(found, f"up to {count} events of these bytes were in {name}, which is gone"))
    if not known:
        rows.append(lost_row(Range("unknown", 0, 0), f"{broken.rows} rows of unknown inputs were in {name}"))
    return rows


def missing_events(lake: Lake, ranges: Sequence[Range], broken: LiveFile) -> dict[Range, int]:
    """For each range: the events that the ledger says were committed, less those that are in other files."""
    events = [f for f in whole_files(lake, schema.PART_EVENTS) if f.raw != broken.raw]
    ledger = [f for f in whole_files(lake, schema.PART_LEDGER) if f.raw != broken.raw]
    live, committed = _counts(LIVE, ranges, events), _counts(COMMITTED, ranges, ledger)
    return {found: max(0, committed[found] - live[found]) for found in ranges}


def _counts(query: str, ranges: Sequence[Range], files: Sequence[LiveFile]) -> dict[Range, int]:
    counts = dict.fromkeys(ranges, 0)
    if ranges and files:
        columns = {"ids": "source_id", "starts": "start", "ends": "end"}
        values = {key: [getattr(found, name) for found in ranges] for key, name in columns.items()}
        with duckdb.connect() as connection:
            for number, count in connection.execute(
                query, {"files": [str(f.path) for f in files], **values}
            ).fetchall():
                counts[ranges[number - 1]] = int(count or 0)
    return counts


def events_in(lake: Lake, found: Range) -> int:
    """How many events of a range are in the lake."""
    events = [str(f.path) for f in whole_files(lake, schema.PART_EVENTS)]
    place = {"files": events, "s": found.source_id, "a": found.start, "b": found.end}
    with duckdb.connect() as connection:
        return _number(connection, "count(*)", "source_offset >= $a AND source_offset < $b", place)


def _number(connection: duckdb.DuckDBPyConnection, what: str, where: str, values: dict[str, Any]) -> int:
    if not values["files"]:
        return 0
    row = connection.execute(f"FROM {READ} SELECT {what} WHERE source_id = $s AND {where}", values).fetchone()
    return int(row[0] or 0) if row else 0


def lost_row(found: Range, why: str) -> dict[str, Any]:
    """A quarantined line that says that these bytes were lost, and why."""
    return {
        "record": "quarantine",
        "source_id": found.source_id,
        "source_offset": found.start,
        "end_offset": found.end,
        "quarantine_id": f"{found.source_id}:{found.start}:lost:{uuid.uuid4().hex[:8]}",
        "error_code": "lost",
        "error": f"{why}; bytes {found.start} to {found.end} of the input could not be read again",
        "raw": "",
        "raw_encoding": "utf-8",
        "raw_bytes": 0,
    }


def write_ledger(lake: Lake, rows: Sequence[Mapping[str, Any]], now: datetime) -> AddAction:
    """A durable ledger file of these rows, ready to be committed."""
    table = pa.Table.from_pylist(
        [{**row, "ingested_at": now} for row in rows], schema=schema.arrow_schema(schema.ledger_part())
    )
    partition = {"part": schema.PART_LEDGER, "date": now.date().isoformat()}
    raw = f"part={partition['part']}/date={partition['date']}/mended-{uuid.uuid4()}.parquet"
    path = lake.table_path() / raw
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
    fsync_all([path], up_to=lake.table_path())
    stats = json.dumps({"numRecords": table.num_rows})
    return AddAction(raw, path.stat().st_size, partition, int(now.timestamp() * 1000), data_change=True, stats=stats)
