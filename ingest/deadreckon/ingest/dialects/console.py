"""Spans as OpenTelemetry's console exporters write them, one to a line: `{"context": {...}, "start_time": ...}`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from deadreckon.ingest.dialects import genai
from deadreckon.ingest.dialects.draft import Draft, lift_named
from deadreckon.ingest.dialects.fits import is_id
from deadreckon.ingest.dialects.names import Names

COMBO: Final = frozenset({"context", "start_time", "end_time"})
_RESOURCE: Final = ("service", "host", "pid", "environment")


def event(value: dict[str, Any], names: Names) -> dict[str, Any] | None:
    """The span of such a line; None when it is none."""
    context, attributes = value.get("context"), value.get("attributes")
    if not value.keys() >= COMBO or type(context) is not dict or type(attributes) is not dict:
        return None
    start, end = _time(value["start_time"]), _time(value["end_time"])
    trace_id, span_id = _hex(context.get("trace_id"), 32), _hex(context.get("span_id"), 16)
    if start is None or end is None or trace_id is None or span_id is None:
        return None
    draft = Draft({"kind": "span", "ts": value["start_time"], "trace_id": trace_id, "span_id": span_id}, attributes)
    draft.fill("duration_ms", (end - start).total_seconds() * 1000)
    draft.fill("parent_span_id", _hex(value.get("parent_id"), 16))
    draft.fill("name", value.get("name"))
    _status(draft, value)
    lift_named(draft, names)
    genai.lift(draft)
    resource = value.get("resource")
    if type(resource) is dict and type(resource.get("attributes")) is dict:
        _place(draft, resource["attributes"], names)
    draft.keep("otel", {key: item for key, item in value.items() if key != "attributes"})
    return draft.event()


def _place(draft: Draft, resource: dict[str, Any], names: Names) -> None:
    for _, column, key in sorted(
        (names.flat[key][1], names.flat[key][0], key) for key in resource if key in names.flat
    ):
        if column in _RESOURCE:
            draft.fill(column, resource[key])


def _status(draft: Draft, value: dict[str, Any]) -> None:
    status = value.get("status")
    code = status.get("status_code") if type(status) is dict else None
    draft.fill("status", "error" if code == "ERROR" else "ok" if code in ("OK", "UNSET") else None)
    if code != "ERROR" or type(status) is not dict:
        return
    events = value.get("events")
    for one in reversed(events if type(events) is list else []):
        said = one.get("attributes") if type(one) is dict and one.get("name") == "exception" else None
        if type(said) is dict:
            draft.fill("error_type", said.get("exception.type"))
            draft.fill("error_message", said.get("exception.message"))
    draft.fill("error_message", status.get("description"))


def _hex(value: Any, digits: int) -> str | None:
    text = value.removeprefix("0x") if type(value) is str else None
    return text if is_id(text, digits) else None


def _time(value: Any) -> datetime | None:
    try:
        when = datetime.fromisoformat(value) if type(value) is str else None
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when
