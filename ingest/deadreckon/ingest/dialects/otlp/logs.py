"""OTLP log records."""

from __future__ import annotations

from typing import Any, Final

from deadreckon.ingest.dialects.otlp.frame import Frame
from deadreckon.ingest.dialects.otlp.values import NotOtlpError, identity, integer, nanos, others, plain

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
    at = nanos(record.get("timeUnixNano")) or nanos(record.get("observedTimeUnixNano"))
    body, name = plain(record.get("body")), record.get("eventName")
    if name is not None and type(name) is not str:
        raise NotOtlpError
    text = body if type(body) is str and body else None
    own = others(record, _KNOWN)
    if at is not None and "timeUnixNano" not in record:
        own.pop("observedTimeUnixNano", None)
    if body is not None and text is None and body != "":
        own["body"] = body
    if name and text:
        own["eventName"] = name
    level, said = _level(record)
    if said:
        own["severityText"] = said
    columns = {
        "ts": at,
        "event": text or name or None,
        "level": level,
        "trace_id": identity(record.get("traceId"), 32),
        "span_id": identity(record.get("spanId"), 16),
    }
    if name == "gen_ai.evaluation.result":
        columns["kind"] = "score"
    draft = frame.draft(record, own, columns)
    if columns.get("kind") == "score":
        draft.lift("name", "gen_ai.evaluation.name")
    elif "kind" not in draft.columns and draft.columns.keys() >= {"span_id", "duration_ms"}:
        draft.columns["kind"] = "log"  # a record in a span is not that span
    return draft.event()


def _level(record: dict[str, Any]) -> tuple[str | None, str | None]:
    """The level, and the severity's text where it says more."""
    text, number = record.get("severityText"), integer(record.get("severityNumber"))
    if text is not None and type(text) is not str:
        raise NotOtlpError
    if type(number) is str and number.startswith("SEVERITY_NUMBER_"):
        number = _named(number.removeprefix("SEVERITY_NUMBER_"))
    if type(number) is int and 0 < number < 25:
        level = _LEVELS[(number - 1) // 4]
        return level, text if text and text.lower() != level else None
    if number not in (None, 0):
        raise NotOtlpError
    return text or None, None


def _named(name: str) -> int:
    names = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
    word = name.rstrip("234")
    return names.index(word) * 4 + 1 if word in names else 0
