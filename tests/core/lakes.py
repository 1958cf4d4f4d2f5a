"""Lakes for tests, written as ingest writes them: event files, one ledger file, offsets, in one commit."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core import schema
from deadreckon.core.durable import fsync_all
from deadreckon.core.lake import Lake, commit

DAY = date(2026, 1, 5)


def line(number: int, day: date = DAY) -> bytes:
    """A log line that tells its number and its time."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=number % 86000)
    return json.dumps({"ts": at.isoformat(), "event": f"event {number}"}).encode() + b"\n"


def event_id(source: str, offset: int) -> str:
    """The id of the event of a line."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{source}:{offset}"))


def events(source: str, start: int, numbers: Sequence[int], day: date, ingested_at: datetime) -> tuple[pa.Table, int]:
    """The rows of lines that begin at offset `start` of a source, and where they end."""
    rows, offset = [], start
    for number in numbers:
        text = line(number, day)
        rows.append(
            {
                "event_id": event_id(source, offset),
                "ts": datetime.fromisoformat(json.loads(text)["ts"]),
                "event": f"event {number}",
                "kind": "log",
                "attributes": json.dumps({"number": number}),
                "source_id": source,
                "source_offset": offset,
                "ingested_at": ingested_at,
            }
        )
        offset += len(text)
    return pa.Table.from_pylist(rows, schema=schema.arrow_schema(schema.events_part())), offset


def write(lake: Lake, part: str, day: date, table: pa.Table) -> AddAction:
    """A durable data file that no commit knows yet."""
    name = f"part={part}/date={day.isoformat()}/{uuid.uuid4().hex}.parquet"
    path = lake.table_path() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd")
    fsync_all([path], up_to=lake.table_path())
    stats: dict[str, object] = {"numRecords": table.num_rows, "minValues": {}, "maxValues": {}, "nullCount": {}}
    if part == "events" and table.num_rows:
        ids, times = pc.min_max(table["event_id"]).as_py(), pc.min_max(table["ts"]).as_py()
        iso = {k: v.isoformat(timespec="microseconds").replace("+00:00", "Z") for k, v in times.items()}
        stats["minValues"] = {"event_id": ids["min"], "ts": iso["min"]}
        stats["maxValues"] = {"event_id": ids["max"], "ts": iso["max"]}
        stats["nullCount"] = {"event_id": 0, "ts": 0}
    partition = {"part": part, "date": day.isoformat()}
    return AddAction(
        name, path.stat().st_size, partition, int(time.time() * 1000), data_change=True, stats=json.dumps(stats)
    )


def ledger_row(
    source: str, start: int, end: int, count: int, *, path: str = "", quarantined: int = 0
) -> dict[str, object]:
    """What ingest notes of an input in a commit."""
    data = Path(path).read_bytes()[max(0, end - 256) : end] if path and Path(path).is_file() else b""
    return {
        "source_id": source,
        "source_offset": start,
        "record": "source",
        "source_path": path,
        "end_offset": end,
        "tail_hash": sha256(data).hexdigest(),
        "lines": count,
        "committed": count - quarantined,
        "duplicates": 0,
        "quarantined": quarantined,
    }


def ledger(rows: Iterable[dict[str, object]], ingested_at: datetime) -> pa.Table:
    """Ledger rows as ingest writes them."""
    filled = [{**row, "ingested_at": ingested_at} for row in rows]
    return pa.Table.from_pylist(filled, schema=schema.arrow_schema(schema.ledger_part()))


def append(
    lake: Lake,
    numbers: Sequence[int],
    *,
    days: Sequence[date] = (DAY,),
    source: str = "log-a",
    path: str = "",
    now: datetime | None = None,
) -> int:
    """One ingest commit: these lines, dealt out to these days; the version."""
    now = now or datetime.now(UTC)
    table = lake.table()
    start = offset = table.transaction_version(source) or 0
    actions = []
    for i, day in enumerate(days):
        rows, offset = events(source, offset, numbers[i :: len(days)], day, now)
        actions.append(write(lake, "events", day, rows))
    row = ledger_row(source, start, offset, len(numbers), path=path)
    actions.append(write(lake, "ledger", now.date(), ledger([row], now)))
    serial = (table.transaction_version("ingest") or 0) + 1
    return commit(table, actions, txns={source: offset, "ingest": serial})


def numbers(lake: Lake) -> list[int]:
    """The numbers of all events in the lake, sorted: what must never change."""
    files = [str(f.path) for f in lake.snapshot().part("events")]
    if not files:
        return []
    query = "SELECT (attributes->>'number')::BIGINT FROM read_parquet($files, union_by_name = true) ORDER BY 1"
    return [row[0] for row in duckdb.execute(query, {"files": files}).fetchall()]


def log_file(lake: Lake, version: int) -> Path:
    """A commit's file."""
    return lake.table_path() / "_delta_log" / f"{version:020}.json"
