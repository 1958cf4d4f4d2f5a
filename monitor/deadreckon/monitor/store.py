"""The table of alert states: the newest state of every stream in one small file, and every transition there was.

Each run replaces the file of states, so that reading stays cheap however often cron runs, and adds its transitions, in
one Delta commit that carries `txn("monitor", run)` and, per rule, `txn("monitor:<rule>", end of its last window)`. Both
are read from the table object that commits: of two monitors at once one gets through, and the other starts again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from deadreckon.core.durable import fsync_all
from deadreckon.core.errors import CommitConflictError, DamagedLakeError
from deadreckon.core.lake import NO_HOOKS, Action, DataFile, Lake, Snapshot, TableSpec, commit, snapshot_of
from deadreckon.monitor.alert import Alert, labels_json
from deadreckon.monitor.facts import facts_json
from deadreckon.monitor.stream import Stream

_TIME: Final = pa.timestamp("us", tz="UTC")
COLUMNS: Final = pa.schema(
    [
        ("rule", pa.string()),
        ("group", pa.string()),
        ("state", pa.string()),
        ("previous", pa.string()),
        ("since", _TIME),
        ("active_since", _TIME),
        ("last_seen", _TIME),
        ("clear_since", _TIME),
        ("window_start", _TIME),
        ("window_end", _TIME),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("n", pa.int64()),
        ("severity", pa.string()),
        ("labels", pa.string()),
        ("summary", pa.string()),
        ("reason", pa.string()),
        ("runbook", pa.string()),
        ("event_id", pa.string()),
        ("run", pa.int64()),
        ("evaluated_at", _TIME),
        ("memory", pa.string()),
        ("facts", pa.string()),
        ("part_of", pa.string()),
    ]
)
_NUMBERS: Final = pa.schema([(f.name, pa.int64() if f.type == _TIME else f.type) for f in COLUMNS])
ALERT_STATES: Final = TableSpec("alert_states", COLUMNS.append(pa.field("part", pa.string())), ("part",))
STATE: Final = "state"
TRANSITION: Final = "transition"
RUN: Final = "monitor"


def app_id(rule: str) -> str:
    """The transaction identifier under which a rule's last evaluated window is kept."""
    return f"{RUN}:{rule}"


@dataclass(frozen=True, slots=True)
class Page:
    """The states as one version of the table holds them; a write goes to this version or not at all."""

    alerts: tuple[Alert, ...] = ()
    run: int = 0
    """The number of the last run."""
    table: DeltaTable | None = None
    files: tuple[DataFile, ...] = field(default=())

    def evaluated(self, rule: str) -> int | None:
        """The end (epoch seconds) of the last window for which a rule was evaluated."""
        return None if self.table is None else self.table.transaction_version(app_id(rule))

    def streams(self, rule: str) -> dict[str, Stream]:
        """A rule's streams by their labels."""
        return {a.stream.labels: a.stream for a in self.alerts if a.stream.rule == rule}


def read(lake: Lake) -> Page:
    """The states at the table's newest version; empty where the monitor never ran."""
    if not lake.has_table(ALERT_STATES):
        return Page()
    table = lake.table(ALERT_STATES)
    files = snapshot_of(table).part(STATE)
    alerts = tuple(alert for file in files for alert in _alerts(file))
    return Page(alerts, table.transaction_version(RUN) or 0, table, files)


def write(
    lake: Lake,
    page: Page,
    alerts: Sequence[Alert],
    transitions: Sequence[Alert],
    ends: Mapping[str, int],
    *,
    now: float,
) -> int:
    """Replace the states by `alerts`, add `transitions`, note each rule's last window in `ends`; the run's number.

    Raises:
        CommitConflictError: another monitor committed since the page was read; nothing was written.
        LakeError: the lake cannot be written.
    """
    if page.table is None:
        raise DamagedLakeError(f"the table {ALERT_STATES.name} was not opened", hint="call ensure() before read()")
    root = lake.table_path(ALERT_STATES)
    run = page.run + 1
    stamp = int(time.time() * 1000)
    parts = {STATE: alerts, TRANSITION: transitions}
    written = {part: _write(root, part, run, rows, now) for part, rows in parts.items() if rows}
    fsync_all(written.values(), up_to=root)
    actions: list[Action] = [
        AddAction(
            path=str(path.relative_to(root)),
            size=path.stat().st_size,
            partition_values={"part": part},
            modification_time=stamp,
            data_change=True,
            stats=orjson.dumps({"numRecords": len(parts[part])}).decode(),
        )
        for part, path in written.items()
    ]
    actions += [
        RemoveAction(
            path=str(file.path.relative_to(root)),
            data_change=True,
            deletion_timestamp=stamp,
            size=file.size,
            partition_values=dict(file.partition),
        )
        for file in page.files
    ]
    txns = {app_id(rule): end for rule, end in ends.items()} | {RUN: run}
    try:
        commit(page.table, actions, txns=txns, metadata={"transitions": len(transitions)})
    except CommitConflictError:
        for path in written.values():
            path.unlink(missing_ok=True)
        raise
    return run


def _write(root: Path, part: str, run: int, rows: Sequence[Alert], now: float) -> Path:
    path = root / f"part={part}" / f"{run:012}-{uuid4()}.parquet"
    path.parent.mkdir(exist_ok=True)
    records = [_row(alert, run, now) for alert in rows]
    # Not by pyarrow: to make arrays of Python's values it imports pandas, which takes longer than the whole run.
    with duckdb.connect() as con:
        columns = ", ".join(_selected(field) for field in COLUMNS)
        lists = {name: [record[name] for record in records] for name in COLUMNS.names}
        con.execute(f"CREATE TABLE rows AS SELECT {columns}", lists)
        con.execute("COPY rows TO $path (FORMAT parquet, COMPRESSION zstd)", {"path": str(path)})
    return path


def _selected(column: pa.Field) -> str:
    if column.type == _TIME:
        return f'make_timestamptz(unnest(CAST(${column.name} AS BIGINT[]))) AS "{column.name}"'
    kind = {pa.string(): "VARCHAR", pa.float64(): "DOUBLE", pa.int64(): "BIGINT"}[column.type]
    return f'unnest(CAST(${column.name} AS {kind}[])) AS "{column.name}"'


def ensure(lake: Lake) -> None:
    """Make the table where there is none, and give one of an older version the columns that it lacks."""
    if not lake.has_table(ALERT_STATES):
        lake.ensure_table(ALERT_STATES)
        return
    table = lake.table(ALERT_STATES)
    known = {f.name for f in table.schema().fields}
    missing = [f for f in Schema.from_arrow(ALERT_STATES.schema).fields if f.name not in known]
    if missing:
        table.alter.add_columns(missing, post_commithook_properties=NO_HOOKS)


def transitions(lake: Lake, *, after_run: int = 0) -> list[Alert]:
    """Every transition of the runs after `after_run`, oldest first."""
    if not lake.has_table(ALERT_STATES):
        return []
    return transitions_in(lake.snapshot(ALERT_STATES), after_run=after_run)


def transitions_in(snapshot: Snapshot, *, after_run: int = 0) -> list[Alert]:
    """Every transition in a snapshot of the runs after `after_run`, oldest first."""
    found = [
        alert
        for file in snapshot.part(TRANSITION)
        if _last_run(file) > after_run
        for alert in _alerts(file)
        if alert.run > after_run
    ]
    return sorted(found, key=lambda a: (a.stream.window_end, a.run, a.stream.rule, a.stream.labels))


def _last_run(file: DataFile) -> float:
    # A file is named by its run. One that compaction wrote is not: it may hold any.
    number = file.path.name.partition("-")[0]
    return int(number) if len(number) == 12 and number.isdigit() else float("inf")


def _row(alert: Alert, run: int, now: float) -> dict[str, Any]:
    stream = alert.stream
    return {
        "rule": stream.rule,
        "group": stream.labels,
        "state": stream.state,
        "previous": alert.previous,
        "since": _microseconds(stream.since),
        "active_since": None if stream.active_since is None else _microseconds(stream.active_since),
        "last_seen": None if stream.last_seen is None else _microseconds(stream.last_seen),
        "clear_since": None if stream.clear_since is None else _microseconds(stream.clear_since),
        "window_start": _microseconds(alert.window_start),
        "window_end": _microseconds(stream.window_end),
        "metric": alert.metric,
        "value": stream.value,
        "threshold": stream.threshold,
        "n": stream.n,
        "severity": alert.severity,
        "labels": labels_json(alert.labels),
        "summary": alert.summary,
        "reason": stream.reason,
        "runbook": alert.runbook,
        "event_id": alert.event_id,
        # A row that is carried over from an earlier run keeps what it says of it.
        "run": alert.run or run,
        "evaluated_at": _microseconds(alert.evaluated_at or now),
        "memory": stream.memory,
        "part_of": alert.part_of,
        "facts": facts_json(stream.facts) if stream.facts else "",
    }


def _alerts(file: DataFile) -> list[Alert]:
    # Opened by its own path: the folder's name is a partition, which pyarrow would add as a column.
    with pq.ParquetFile(file.path) as parquet:
        rows = parquet.read([name for name in parquet.schema_arrow.names if name in COLUMNS.names])
    # As whole numbers: to make times of them pyarrow would import pandas, which takes longer than the whole run.
    numbers = pa.schema([_NUMBERS.field(name) for name in rows.column_names])
    return [_alert(row) for row in rows.cast(numbers).to_pylist()]


def _alert(row: Mapping[str, Any]) -> Alert:
    stream = Stream(
        row["rule"],
        row["group"],
        row["state"],
        _seconds(row["since"]),
        _seconds(row["window_end"]),
        row["value"],
        row["n"],
        row["threshold"],
        None if row["active_since"] is None else _seconds(row["active_since"]),
        None if row["last_seen"] is None else _seconds(row["last_seen"]),
        row["reason"],
        # Older files have no such column.
        _seconds(row["clear_since"]) if row.get("clear_since") is not None else None,
        row.get("memory") or "",
        orjson.loads(row.get("facts") or "{}"),
    )
    return Alert(
        stream,
        row["previous"],
        row["severity"],
        orjson.loads(row["labels"]),
        row["summary"],
        row["runbook"],
        _seconds(row["window_start"]),
        row["metric"],
        row["run"],
        _seconds(row["evaluated_at"]),
        row.get("part_of") or "",
    )


def _seconds(microseconds: int) -> int:
    return microseconds // 1_000_000


def _microseconds(seconds: float) -> int:
    return int(seconds) * 1_000_000
