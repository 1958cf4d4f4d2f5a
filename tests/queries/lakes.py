"""Small real lakes for the tests of queries: Parquet files committed by the lake's own door."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core import schema
from deadreckon.core.lake import Lake, commit

NOW = datetime(2026, 6, 20, 12, 0, tzinfo=UTC)
Row = Mapping[str, Any]


def at(text: str) -> datetime:
    """A moment of June 2026 in UTC, from 'DAY HH:MM:SS'."""
    day, _, clock = text.partition(" ")
    return datetime.fromisoformat(f"2026-06-{int(day):02}T{clock or '00:00:00'}+00:00")


def make_lake(root: Path, events: Iterable[Row] = (), ledger: Iterable[Row] = ()) -> Lake:
    """A lake with these events and ledger rows in one commit; ids, times and origin are filled where missing."""
    lake = Lake.create(root)
    add(lake, events, ledger)
    return lake


def add(
    lake: Lake,
    events: Iterable[Row] = (),
    ledger: Iterable[Row] = (),
    *,
    columns: tuple[schema.Column, ...] | None = None,
) -> None:
    """One more commit; `columns` writes event files as an older version of the schema would have."""
    origin = {"source_id": "test", "ingested_at": NOW}
    listed = [
        {"event_id": str(uuid.uuid4()), "ts": at("1"), "source_offset": i, **origin, **row}
        for i, row in enumerate(events)
    ]
    actions = []
    by_date: dict[str, list[dict[str, Any]]] = {}
    for row in listed:
        by_date.setdefault(row["ts"].date().isoformat(), []).append(row)
    for date, rows in by_date.items():
        actions.append(_file(lake, schema.PART_EVENTS, date, rows, columns or schema.events_part()))
    recorded = [{**origin, **row} for row in ledger]
    if recorded:
        actions.append(_file(lake, schema.PART_LEDGER, NOW.date().isoformat(), recorded, schema.ledger_part()))
    commit(lake.table(), actions)


def _file(
    lake: Lake, part: str, date: str, rows: list[dict[str, Any]], columns: tuple[schema.Column, ...]
) -> AddAction:
    known = {c.name for c in columns}
    for row in rows:
        assert row.keys() <= known | {"source_id", "ingested_at", "source_offset"}, row.keys() - known
    table = pa.Table.from_pylist(rows, schema=schema.arrow_schema(columns))
    path = f"part={part}/date={date}/{uuid.uuid4()}.parquet"
    full = lake.table_path() / path
    full.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, full, compression="zstd")
    return AddAction(
        path=path,
        size=full.stat().st_size,
        partition_values={"part": part, "date": date},
        modification_time=0,
        data_change=True,
        stats=f'{{"numRecords": {len(rows)}}}',
    )
