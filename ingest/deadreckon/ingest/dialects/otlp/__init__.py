"""OTLP/JSON lines: traces, logs and metrics as exporters and the collector write them.

A line that does not have OTLP's structure is no OTLP line: it is kept as a plain object, so that nothing is lost.
"""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.names import Names
from deadreckon.ingest.dialects.otlp import logs, metrics, spans
from deadreckon.ingest.dialects.otlp.frame import Frame, frames
from deadreckon.ingest.dialects.otlp.values import NotOtlpError

KEYS: Final = frozenset({"resourceSpans", "resourceLogs", "resourceMetrics"})
_SIGNALS: Final = (
    ("resourceSpans", "scopeSpans", "spans", spans.events),
    ("resourceLogs", "scopeLogs", "logRecords", logs.events),
    ("resourceMetrics", "scopeMetrics", "metrics", metrics.events),
)


def events(value: dict[str, Any], names: Names) -> list[dict[str, Any]]:
    """The canonical objects of an OTLP line, in its order; none when it is not one, or holds no record."""
    if KEYS.isdisjoint(value) or not KEYS.issuperset(value):
        return []
    found: list[dict[str, Any]] = []
    try:
        for key, scopes, records, read in _SIGNALS:
            if key in value:
                for frame in frames(value[key], scopes, records, names):
                    found += read(frame)
    except NotOtlpError:
        return []
    return found


__all__ = ["KEYS", "Frame", "events"]
