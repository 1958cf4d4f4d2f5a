"""Events of ours as OTLP, and back: every column and attribute returns to where it was.

Columns have OpenTelemetry's names where it has some, so that other tools understand what we write. What is written is
marked by the scope's name, by which it is known when it is read again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deadreckon.core.schema import EVENT_COLUMNS
from deadreckon.exchange.spans import any_value
from deadreckon.exchange.written import written
from deadreckon.ingest.dialects.otlp.values import plain
from deadreckon.serve.signals import LOGS, TRACES, Signal

SCOPE: Final = "deadreckon.export"
RESOURCE: Final = {
    "service": "service.name",
    "host": "host.name",
    "pid": "process.pid",
    "environment": "deployment.environment.name",
}
_STANDARD: Final = ("gen_ai.", "session.", "user.", "error.", "input.", "output.")
_NAMES: Final = {
    column.name: next((alias for alias in column.aliases if alias.startswith(_STANDARD)), column.name)
    for column in EVENT_COLUMNS
    if column.name not in (*RESOURCE, "attributes")
} | {"model": "gen_ai.request.model", "model_version": "gen_ai.response.model"}
_COLUMNS: Final = {name: column for column, name in _NAMES.items()}
_PLACED: Final = frozenset({"trace_id", "span_id", "parent_span_id", "ts"})
_JSON: Final = {c.name for c in EVENT_COLUMNS if c.type == "json"} - {"input", "output", "attributes"}
_OURS: Final = "deadreckon.attributes."
"""Before a key that is another column's name."""
_AS_JSON: Final = "deadreckon.json."
"""Before a key whose value holds a number that OTLP has no room for."""
_LEVELS: Final = {"debug": 5, "info": 9, "warning": 13, "error": 17, "critical": 21}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS_MS: Final = 1e12


def is_span(row: Mapping[str, Any]) -> bool:
    """Whether an event can be a span of OTLP: it has ended, and its ids are of W3C's sizes."""
    ids = (row.get("trace_id"), 32), (row.get("span_id"), 16)
    return row.get("kind") == "span" and row.get("status") != "running" and all(_hex(*one) for one in ids)


def place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Events of the same place can stand in one line."""
    return (is_span(row), *(row.get(column) for column in RESOURCE))


def line(rows: list[Mapping[str, Any]]) -> bytes:
    """Events of one place as a line of OTLP/JSON."""
    first = rows[0]
    spans = is_span(first)
    signal = TRACES if spans else LOGS
    resource = [
        {"key": name, "value": any_value(first[column])}
        for column, name in RESOURCE.items()
        if first.get(column) is not None
    ]
    scope = {"scope": {"name": SCOPE}, signal.records: [(_span if spans else _log)(row) for row in rows]}
    return written({signal.resources: [{"resource": {"attributes": resource}, signal.scopes: [scope]}]})


def is_own(resources: Any, signal: Signal) -> bool:
    """Whether all that stands here was written by `line`."""
    if signal not in (TRACES, LOGS) or not isinstance(resources, list):
        return False
    scopes = [s for r in resources if isinstance(r, dict) for s in r.get(signal.scopes) or () if isinstance(s, dict)]
    return bool(scopes) and all((scope.get("scope") or {}).get("name") == SCOPE for scope in scopes)


def events(resources: list[dict[str, Any]], signal: Signal) -> Iterator[bytes]:
    """The lines of events that `line` wrote."""
    for resource in resources:
        given = _pairs((resource.get("resource") or {}).get("attributes"))
        shared = {column: given[name] for column, name in RESOURCE.items() if name in given}
        for scope in resource.get(signal.scopes) or ():
            for record in scope.get(signal.records) or ():
                yield written({**shared, **_event(record, spans=signal is TRACES)})


def _span(row: Mapping[str, Any]) -> dict[str, Any]:
    start = _nanos(row["ts"])
    took = row.get("duration_ms")
    sane = took is not None and 0 <= took < _YEARS_MS
    record: dict[str, Any] = {
        "traceId": row["trace_id"],
        "spanId": row["span_id"],
        "name": row.get("name") or row.get("event") or "",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + (round(took * 1_000_000) if sane and took else 0)),
        "attributes": _attributes(row),
    }
    if _hex(row.get("parent_span_id"), 16):
        record["parentSpanId"] = row["parent_span_id"]
    failed = row.get("status") in ("error", "timeout", "cancelled")
    if row.get("status"):
        message = {"message": row["error_message"]} if failed and row.get("error_message") else {}
        record["status"] = {"code": 2 if failed else 1, **message}
    return record


def _log(row: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {
        "timeUnixNano": str(_nanos(row["ts"])),
        "eventName": f"deadreckon.{row.get('kind') or 'log'}",
        "body": {"stringValue": str(row.get("event") or row.get("name") or "")},
        "attributes": _attributes(row),
    }
    if row.get("level"):
        record["severityText"] = row["level"]
        record["severityNumber"] = _LEVELS.get(row["level"], 0)
    for key, column, digits in (("traceId", "trace_id", 32), ("spanId", "span_id", 16)):
        if _hex(row.get(column), digits):
            record[key] = row[column]
    return record


def _attributes(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What does not stand in the record itself; where the record cannot hold it exactly, here as well."""
    pairs = []
    for column, name in _NAMES.items():
        value = row.get(column)
        if value is None or (column in _PLACED and _placed(row, column)):
            continue
        if column == "ts":
            value = value.isoformat()
        pairs.append({"key": name, "value": any_value(value)})
    for key, value in (json.loads(row["attributes"]) if row.get("attributes") else {}).items():
        if _is_past_64_bits(value):
            pairs.append({"key": _AS_JSON + key, "value": any_value(json.dumps(value))})
            continue
        free = key not in _COLUMNS and not key.startswith((_OURS, _AS_JSON))
        pairs.append({"key": key if free else _OURS + key, "value": any_value(value)})
    return pairs


def _is_past_64_bits(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_past_64_bits, value.values()))
    if isinstance(value, list):
        return any(map(_is_past_64_bits, value))
    return isinstance(value, int) and not -(1 << 63) <= value < 1 << 63


def _placed(row: Mapping[str, Any], column: str) -> bool:
    if column == "ts":
        return bool(row["ts"] >= _EPOCH)
    if column == "parent_span_id":
        return is_span(row) and _hex(row[column], 16)
    return _hex(row[column], 32 if column == "trace_id" else 16)


def _event(record: Mapping[str, Any], *, spans: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, value in _pairs(record.get("attributes")).items():
        column = _COLUMNS.get(key)
        if key.startswith(_AS_JSON):
            rest[key.removeprefix(_AS_JSON)] = json.loads(value)
        elif column is None:
            rest[key.removeprefix(_OURS)] = value
        else:
            found[column] = json.loads(value) if column in _JSON else value
    at = int(record.get("startTimeUnixNano" if spans else "timeUnixNano") or 0)
    found.setdefault("ts", (_EPOCH + timedelta(microseconds=at // 1000)).isoformat())
    for key, column in (("traceId", "trace_id"), ("spanId", "span_id"), ("parentSpanId", "parent_span_id")):
        if record.get(key):
            found.setdefault(column, record[key])
    if rest:
        found["attributes"] = rest
    return found


def _pairs(pairs: Any) -> dict[str, Any]:
    return {pair["key"]: plain(pair.get("value")) for pair in pairs or ()}


def _nanos(ts: datetime) -> int:
    return max(0, (ts - _EPOCH) // timedelta(microseconds=1)) * 1000


def _hex(value: Any, digits: int) -> bool:
    if not isinstance(value, str) or len(value) != digits or not value.strip("0"):
        return False
    return all(c in "0123456789abcdef" for c in value)
