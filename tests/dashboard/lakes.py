"""Small lakes for the dashboard's tests, made of JSON lines by the real ingest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deadreckon.core.lake import Lake
from deadreckon.core.settings import Settings
from deadreckon.dashboard.services.source import Source
from deadreckon.ingest import ingest

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
"""Around which the tests' events lie."""
INGESTED = NOON + timedelta(hours=6)

Line = Mapping[str, Any]


def at(minutes: float) -> datetime:
    """So many minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def span(trace: str, span_id: str, minutes: float, **columns: Any) -> dict[str, Any]:
    """A finished span, as a line of log."""
    return {
        "event_id": f"event-{trace}-{span_id}-{minutes}",
        "ts": at(minutes).isoformat(),
        "kind": "span",
        "event": "span",
        "trace_id": trace,
        "span_id": span_id,
        "status": "ok",
        "duration_ms": 100.0,
        **columns,
    }


def call(trace: str, span_id: str, minutes: float, **columns: Any) -> dict[str, Any]:
    """A model call, as a line of log."""
    facts = {"operation": "chat", "model": "m", "model_version": "1", "input_tokens": 10, "output_tokens": 5}
    return span(trace, span_id, minutes, **{**facts, "cost_usd": 0.01, **columns})


def alert(rule: str, state: str, minutes: float, *, previous: str | None = None, **attributes: Any) -> dict[str, Any]:
    """A change of an alert's state, as the monitor tells it."""
    labels = attributes.pop("labels", {})
    return {
        "event_id": f"alert-{rule}-{state}-{minutes}",
        "ts": at(minutes).isoformat(),
        "kind": "alert",
        "event": f"alert.{state}",
        "name": rule,
        "label": state,
        "value": 5.0,
        "reason": f"{rule} is {state}",
        "labels": labels,
        "attributes": {
            "rule": rule,
            "severity": "warning",
            "previous": previous,
            "metric": "duration_p95_ms",
            "threshold": 3.0,
            "window_start": at(minutes - 60).isoformat(),
            "window_end": at(minutes).isoformat(),
            **attributes,
        },
    }


def add(root: Path, lines: Iterable[Line | str], *, now: datetime = INGESTED) -> Path:
    """Ingest these lines; a text is a line as it is. The lake is made if there is none."""
    Lake.create(root)
    log = root.parent / f"{root.name}-{sum(1 for _ in root.parent.glob(f'{root.name}-*.jsonl'))}.jsonl"
    log.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    ingest([log], root, settings=Settings(lake=str(root)), now=lambda: now)
    return root


def source_of(root: Path) -> Source:
    """A source for this lake, refreshed."""
    source = Source(Settings(lake=str(root)))
    source.refresh()
    return source
