"""OTLP's protobuf messages in the form of OTLP/JSON, which ingest reads.

As protobuf's JSON mapping has it, but for three things: ids are hex (as OTLP/JSON asks), 64-bit integers stay numbers,
and what a message does not set is left out. Protobuf's own `json_format` would take ten times as long.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any, Final

Json = dict[str, Any]

_DROPPED_ATTRIBUTES: Final = ("dropped_attributes_count", "droppedAttributesCount")


def spans(request: Any) -> list[Json]:
    """The `resourceSpans` of an ExportTraceServiceRequest."""
    return [_resource(one, "scopeSpans", one.scope_spans, "spans", _span) for one in request.resource_spans]


def logs(request: Any) -> list[Json]:
    """The `resourceLogs` of an ExportLogsServiceRequest."""
    return [_resource(one, "scopeLogs", one.scope_logs, "logRecords", _log) for one in request.resource_logs]


def metrics(request: Any) -> list[Json]:
    """The `resourceMetrics` of an ExportMetricsServiceRequest."""
    return [_resource(one, "scopeMetrics", one.scope_metrics, "metrics", _metric) for one in request.resource_metrics]


def _resource(message: Any, scopes_key: str, scopes: Any, records_key: str, read: Callable[[Any], Json]) -> Json:
    found: Json = {}
    if message.HasField("resource"):
        found["resource"] = _with(message.resource, _DROPPED_ATTRIBUTES)
        if message.resource.entity_refs:
            found["resource"]["entityRefs"] = [_entity(one) for one in message.resource.entity_refs]
    if message.schema_url:
        found["schemaUrl"] = message.schema_url
    found[scopes_key] = [_scope(one, records_key, read) for one in scopes]
    return found


_RECORDS: Final = {"spans": "spans", "logRecords": "log_records", "metrics": "metrics"}


def _scope(message: Any, records_key: str, read: Callable[[Any], Json]) -> Json:
    found: Json = {}
    if message.HasField("scope"):
        found["scope"] = _with(
            message.scope,
            ("name", "name"),
            ("version", "version"),
            _DROPPED_ATTRIBUTES,
        )
    if message.schema_url:
        found["schemaUrl"] = message.schema_url
    found[records_key] = [read(one) for one in getattr(message, _RECORDS[records_key])]
    return found


def _entity(entity: Any) -> Json:
    found: Json = {"type": entity.type, "idKeys": list(entity.id_keys)}
    if entity.schema_url:
        found["schemaUrl"] = entity.schema_url
    if entity.description_keys:
        found["descriptionKeys"] = list(entity.description_keys)
    return found


def _with(message: Any, *fields: tuple[str, str]) -> Json:
    """These scalar fields as far as they are set, and the attributes."""
    found: Json = {}
    for name, key in fields:
        value = getattr(message, name)
        if value:
            found[key] = value
    if message.attributes:
        found["attributes"] = _attributes(message.attributes)
    return found


def _span(span: Any) -> Json:
    found: Json = {
        "traceId": span.trace_id.hex(),
        "spanId": span.span_id.hex(),
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano,
        "endTimeUnixNano": span.end_time_unix_nano,
    }
    if span.parent_span_id:
        found["parentSpanId"] = span.parent_span_id.hex()
    if span.trace_state:
        found["traceState"] = span.trace_state
    if span.flags:
        found["flags"] = span.flags
    if span.attributes:
        found["attributes"] = _attributes(span.attributes)
    if span.events:
        found["events"] = [
            _with(e, ("time_unix_nano", "timeUnixNano"), ("name", "name"), _DROPPED_ATTRIBUTES) for e in span.events
        ]
    if span.links:
        found["links"] = [_link(link) for link in span.links]
    if span.HasField("status"):
        status = span.status
        found["status"] = {"code": status.code, "message": status.message} if status.message else {"code": status.code}
    for name, key in _DROPPED:
        count = getattr(span, name)
        if count:
            found[key] = count
    return found


_DROPPED: Final = (
    _DROPPED_ATTRIBUTES,
    ("dropped_events_count", "droppedEventsCount"),
    ("dropped_links_count", "droppedLinksCount"),
)


def _link(link: Any) -> Json:
    found = {"traceId": link.trace_id.hex(), "spanId": link.span_id.hex()}
    return found | _with(link, ("trace_state", "traceState"), ("flags", "flags"), _DROPPED_ATTRIBUTES)


def _log(record: Any) -> Json:
    found = _with(
        record,
        ("time_unix_nano", "timeUnixNano"),
        ("observed_time_unix_nano", "observedTimeUnixNano"),
        ("severity_number", "severityNumber"),
        ("severity_text", "severityText"),
        ("event_name", "eventName"),
        ("flags", "flags"),
        _DROPPED_ATTRIBUTES,
    )
    if record.HasField("body"):
        found["body"] = _value(record.body)
    if record.trace_id:
        found["traceId"] = record.trace_id.hex()
    if record.span_id:
        found["spanId"] = record.span_id.hex()
    return found


def _metric(metric: Any) -> Json:
    found: Json = {"name": metric.name}
    for key in ("description", "unit"):
        if getattr(metric, key):
            found[key] = getattr(metric, key)
    if metric.metadata:
        found["metadata"] = _attributes(metric.metadata)
    kind = metric.WhichOneof("data")
    if kind is not None:
        data = getattr(metric, kind)
        about: Json = {}
        if kind not in ("gauge", "summary") and data.aggregation_temporality:
            about["aggregationTemporality"] = data.aggregation_temporality
        if kind == "sum" and data.is_monotonic:
            about["isMonotonic"] = True
        about["dataPoints"] = [_point(point, _POINTS[kind]) for point in data.data_points]
        found["exponentialHistogram" if kind == "exponential_histogram" else kind] = about
    return found


_HISTOGRAM: Final = (("count", "count"), ("flags", "flags"))
_POINTS: Final = {
    "gauge": (("flags", "flags"),),
    "sum": (("flags", "flags"),),
    "histogram": _HISTOGRAM,
    "exponential_histogram": (*_HISTOGRAM, ("scale", "scale"), ("zero_count", "zeroCount")),
    "summary": _HISTOGRAM,
}


def _point(point: Any, fields: Iterable[tuple[str, str]]) -> Json:
    found = _with(point, ("start_time_unix_nano", "startTimeUnixNano"), ("time_unix_nano", "timeUnixNano"), *fields)
    names = point.DESCRIPTOR.fields_by_name
    if "as_double" in names:
        _number(point, found)
        found |= _exemplars(point)
        return found
    for name in ("sum", "min", "max"):
        # A summary's sum is always there; a histogram's may be unknown, which is not 0.
        if name in names and (not names[name].has_presence or point.HasField(name)):
            found[name] = _double(getattr(point, name))
    if "quantile_values" in names:
        found["quantileValues"] = [
            {"quantile": _double(one.quantile), "value": _double(one.value)} for one in point.quantile_values
        ]
        return found
    if "bucket_counts" in names:
        found["bucketCounts"] = list(point.bucket_counts)
        found["explicitBounds"] = [_double(bound) for bound in point.explicit_bounds]
    else:
        for side in ("positive", "negative"):
            if point.HasField(side):
                buckets = getattr(point, side)
                found[side] = {"offset": buckets.offset, "bucketCounts": list(buckets.bucket_counts)}
        if point.zero_threshold:
            found["zeroThreshold"] = _double(point.zero_threshold)
    return found | _exemplars(point)


def _number(point: Any, found: Json) -> None:
    kind = point.WhichOneof("value")
    if kind == "as_double":
        found["asDouble"] = _double(point.as_double)
    elif kind == "as_int":
        found["asInt"] = point.as_int


def _exemplars(point: Any) -> Json:
    if not point.exemplars:
        return {}
    return {"exemplars": [_exemplar(one) for one in point.exemplars]}


def _exemplar(exemplar: Any) -> Json:
    found: Json = {"timeUnixNano": exemplar.time_unix_nano}
    if exemplar.filtered_attributes:
        found["filteredAttributes"] = _attributes(exemplar.filtered_attributes)
    _number(exemplar, found)
    if exemplar.trace_id:
        found["traceId"] = exemplar.trace_id.hex()
    if exemplar.span_id:
        found["spanId"] = exemplar.span_id.hex()
    return found


def _attributes(pairs: Any) -> list[Json]:
    found: list[Json] = []
    add = found.append
    for pair in pairs:
        value = pair.value
        kind = value.WhichOneof("value")
        # Most are text or integers, and most of a request is attributes: no call for them.
        if kind == "string_value":
            add({"key": pair.key, "value": {"stringValue": value.string_value}})
        elif kind == "int_value":
            add({"key": pair.key, "value": {"intValue": value.int_value}})
        else:
            add({"key": pair.key, "value": _value(value)})
    return found


def _value(value: Any) -> Json:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return {"stringValue": value.string_value}
    if kind == "int_value":
        return {"intValue": value.int_value}
    if kind == "double_value":
        return {"doubleValue": _double(value.double_value)}
    if kind == "bool_value":
        return {"boolValue": value.bool_value}
    if kind == "array_value":
        return {"arrayValue": {"values": [_value(one) for one in value.array_value.values]}}
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": _attributes(value.kvlist_value.values)}}
    if kind == "bytes_value":
        return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
    return {}


def _double(value: float) -> float | str:
    """A double as JSON can say it."""
    if value - value == 0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - NaN alone is unequal
