"""Small lakes for the monitor's tests, written in the lake's layout and committed as any other."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.transaction import AddAction

from deadreckon.core import schema
from deadreckon.core.lake import Lake, commit
from deadreckon.core.settings import Settings
from deadreckon.monitor import Report, Rule, load_rules, run
from deadreckon.monitor.asking import asker
from deadreckon.queries import connect
from deadreckon.queries.sandbox import Answer

NOON = int(datetime(2026, 10, 1, 12, tzinfo=UTC).timestamp())
"""Epoch seconds of the hour around which the tests' events lie."""
MINUTE = 60
HOUR = 3600


def event(at: float, **columns: Any) -> dict[str, Any]:
    """An event at `at` seconds after NOON."""
    return {"event_id": str(uuid4()), "ts": int((NOON + at) * 1_000_000), "kind": "span", "event": "call", **columns}


def calls(at: float, n: int, *, spacing: float = 1.0, **columns: Any) -> list[dict[str, Any]]:
    """So many ended calls from `at` seconds after NOON on, alike."""
    return [event(at + i * spacing, **{"status": "ok", "duration_ms": 100.0, **columns}) for i in range(n)]


def add(lake: Lake, events: Iterable[Mapping[str, Any]], *, ledger: Iterable[Mapping[str, Any]] = ()) -> None:
    """Commit events, and ledger rows where given."""
    actions = _written(lake, schema.PART_EVENTS, schema.events_part(), "ts", events)
    actions += _written(lake, schema.PART_LEDGER, schema.ledger_part(), "ingested_at", ledger)
    commit(lake.table(), actions)


def _written(
    lake: Lake, part: str, columns: tuple[schema.Column, ...], time_column: str, rows: Iterable[Mapping[str, Any]]
) -> list[AddAction]:
    days: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        days.setdefault(datetime.fromtimestamp(row[time_column] / 1e6, UTC).date(), []).append(dict(row))
    root = lake.table_path()
    actions = []
    for day, of_day in days.items():
        path = root / f"part={part}" / f"date={day}" / f"{uuid4()}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(of_day, schema=schema.arrow_schema(columns)), path)
        actions.append(
            AddAction(
                path=str(path.relative_to(root)),
                size=path.stat().st_size,
                partition_values={"part": part, "date": str(day)},
                modification_time=int(time.time() * 1000),
                data_change=True,
                stats=orjson.dumps({"numRecords": len(of_day)}).decode(),
            )
        )
    return actions


def make(folder: Path, events: Iterable[Mapping[str, Any]] = (), **more: Any) -> Lake:
    """A lake in a folder with these events."""
    lake = Lake.create(folder)
    events = list(events)
    if events or more:
        add(lake, events, **more)
    return lake


def rule(**keys: Any) -> Rule:
    """A rule; `for_` stands for `for`, and a name and window are given where missing."""
    table = {k: v for k, v in {"name": "r", "window": "5m", **keys}.items() if v is not None}
    if "for_" in table:
        table["for"] = table.pop("for_")
    return load_rules([table])[0]


def monitor(
    lake: Lake,
    *rules: Rule,
    at: float,
    since: float | None = None,
    limits: Mapping[str, Any] | None = None,
    ask: Any = None,
    **keys: Any,
) -> Report:
    """Run the monitor as of `at` seconds after NOON, asking through the real sandbox unless told what to `ask`."""
    settings = Settings.model_validate({"lake": str(lake.root), "query": dict(limits or {})})
    begin = None if since is None else NOON + since
    when = NOON + at
    return run(lake, rules, ask or (lambda: asker(lake, settings)), as_of=when, now=when, since=begin, **keys)


class Open:
    """The views of a lake on a connection that stays open: for tests that run the monitor many times."""

    def __init__(self, lake: Lake) -> None:
        self._con = connect(lake, settings=Settings(lake=str(lake.root)))

    def query(self, sql: str, params: Mapping[str, Any] | None = None, *, max_rows: int | None = None) -> Answer:
        """All rows of one query."""
        cursor = self._con.execute(sql, dict(params or {}))
        return Answer(
            [d[0] for d in cursor.description], [], cursor.fetchall(), truncated=False, as_of=None, elapsed_ms=0.0
        )

    def close(self) -> None:
        """Let go of the files."""
        self._con.close()


def states(report: Report) -> dict[str, str]:
    """The states of a report by their labels' values, joined; `` for a rule without groups."""
    found: dict[str, str] = {}
    for alert in report.alerts:
        group = orjson.loads(alert.stream.labels)
        found[",".join(str(v) for v in group.values())] = alert.stream.state
    return found


def changes(report: Report) -> list[tuple[int, str, str | None, str]]:
    """The transitions of a report: seconds after NOON, labels, previous state, state."""
    return [(t.stream.window_end - NOON, t.stream.labels, t.previous, t.stream.state) for t in report.transitions]
