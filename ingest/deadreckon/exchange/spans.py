"""Spans of other tools as lines of OTLP/JSON: what ingest reads from exporters, it reads from importers, too.

So models, tokens, costs, tools and errors are understood in one place, and a span that was also sent to `reckon serve`
is the same event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from deadreckon.exchange.written import written
from deadreckon.ingest.dialects.otlp.values import event_id

CODES: Final = {"ok": 1, "error": 2}
_BIGGEST: Final = 1 << 63


@dataclass(slots=True)
class Span:
    """A span as another tool keeps it; times in nanoseconds since 1970.

    `status`: ok, error, or empty where it was not set. `events`: `{"name", "at" (ns), "attributes"}` each.
    """

    trace_id: str
    span_id: str
    name: str
    start: int | None
    end: int | None
    parent_span_id: str | None = None
    status: str = ""
    message: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    links: Sequence[Mapping[str, Any]] = ()
    scope: str = ""
    resource: Mapping[str, Any] = field(default_factory=dict)


def line(span: Span) -> bytes:
    """The span as a line of OTLP/JSON. One that has not ended is an event of its own, which the ended one follows."""
    given = span.attributes
    if span.end is None:
        begun = event_id(span.start, "running", span.trace_id, span.span_id)
        given = {**given, "status": "running", "event_id": begun}
    record: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "startTimeUnixNano": str(span.start or 0),
        "attributes": pairs(given),
    }
    if span.parent_span_id:
        record["parentSpanId"] = span.parent_span_id
    if span.end is not None:
        record["endTimeUnixNano"] = str(span.end)
    if span.status in CODES:
        record["status"] = {"code": CODES[span.status]} | ({"message": span.message} if span.message else {})
    if span.events:
        record["events"] = [
            {"timeUnixNano": str(e.get("at") or 0), "name": e.get("name"), "attributes": pairs(e.get("attributes"))}
            for e in span.events
        ]
    if span.links:
        record["links"] = list(span.links)
    scope: dict[str, Any] = {"spans": [record]}
    if span.scope:
        scope = {"scope": {"name": span.scope}, **scope}
    about: dict[str, Any] = {"scopeSpans": [scope]}
    if span.resource:
        about = {"resource": {"attributes": pairs(span.resource)}, **about}
    return written({"resourceSpans": [about]})


def pairs(attributes: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Attributes in OTLP's form; those that are null say nothing and are left out."""
    return [
        {"key": str(key), "value": any_value(value)} for key, value in (attributes or {}).items() if value is not None
    ]


def any_value(value: Any) -> dict[str, Any]:
    """A value in OTLP's form."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)} if -_BIGGEST <= value < _BIGGEST else {"stringValue": str(value)}
    if isinstance(value, float):
        if value - value != 0:
            return {"doubleValue": "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"}  # noqa: PLR0124 - NaN differs from itself
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": [{"key": str(k), "value": any_value(v)} for k, v in value.items()]}}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return {"arrayValue": {"values": [any_value(one) for one in value]}}
    return {"stringValue": orjson.dumps(value, default=str).decode().strip('"')}
