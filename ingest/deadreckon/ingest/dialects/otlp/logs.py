"""OTLP log records."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.otlp.frame import Frame
from deadreckon.ingest.dialects.otlp.values import (
    instant,
    integer,
    joined,
    nanos,
    others,
    plain,
    span_id,
    taken,
    text,
    trace_id,
)

_KNOWN: Final = frozenset(
    {
        *("timeUnixNano", "severityNumber", "severityText", "body", "attributes", "traceId", "spanId", "eventName"),
    }
)
_LEVELS: Final = ("debug", "debug", "info", "warning", "error", "critical")
"""By four severity numbers each: TRACE 1-4, DEBUG 5-8, INFO, WARN, ERROR, FATAL 21-24."""


def events(frame: Frame) -> list[dict[str, Any]]:
    """One event per log record."""
    return [_log(frame, record) for record in frame.records]


def _log(frame: Frame, record: dict[str, Any]) -> dict[str, Any]:
    left: dict[str, Any] = {}
    at = taken(record, "timeUnixNano", nanos, left) or taken(record, "observedTimeUnixNano", nanos, {})
    body, name = plain(record.get("body")), taken(record, "eventName", text, left)
    said = body if type(body) is str and body else None
    own: dict[str, Any] = {}
    if said is None and body is not None and body != "":
        own["body"] = body
    if name and said:
        own["eventName"] = name
    level = _level(record, own)
    columns = {
        "ts": instant(at),
        "event": said or name,
        "level": level,
        "trace_id": taken(record, "traceId", trace_id, left),
        "span_id": taken(record, "spanId", span_id, left),
    }
    draft = frame.draft(record, joined(own, left, others(record, _KNOWN)), columns)
    if not name:  # before records had one, it was an attribute
        name = draft.rest.get("event.name")
        draft.fill("event", name)
    if name == "gen_ai.evaluation.result":
        draft.columns["kind"] = "score"
        draft.lift("name", "gen_ai.evaluation.name")
    elif "kind" not in draft.columns and draft.columns.keys() >= {"span_id", "duration_ms"}:
        draft.columns["kind"] = "log"  # a record in a span is not that span
    return draft.event()


def _level(record: dict[str, Any], own: dict[str, Any]) -> str | None:
    """The level; what the severity says beyond it goes to `own`."""
    said = taken(record, "severityText", text, own)
    number = integer(record.get("severityNumber"))
    if type(number) is str and number.startswith("SEVERITY_NUMBER_"):
        number = _named(number.removeprefix("SEVERITY_NUMBER_"))
    if type(number) is int and 0 < number < 25:
        level = _LEVELS[(number - 1) // 4]
        if said and said.lower() != level:
            own["severityText"] = said
        return level
    if number:
        own["severityNumber"] = record["severityNumber"]
    return said


def _named(name: str) -> int:
    names = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    word = name.rstrip("234")
    return names.index(word) * 4 + 1 if word in names else 0
