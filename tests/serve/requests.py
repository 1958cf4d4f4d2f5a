"""OTLP requests as exporters make them, without an SDK: every field is at hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

START = 1_795_226_400_000_000_000
TRACE = bytes(range(1, 17))
JSON = {"Content-Type": "application/json"}


def attributes(**given: Any) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in given.items()]


def any_value(value: Any) -> AnyValue:
    match value:
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case _:
            return AnyValue(string_value=value)


def traces(names: Iterable[str], *, service: str = "shop", **given: Any) -> ExportTraceServiceRequest:
    """A span for each name; their ids follow from it."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(attributes(**{"service.name": service}))
    scope = resource.scope_spans.add()
    scope.scope.name = "tests"
    for number, name in enumerate(names):
        scope.spans.add(
            trace_id=TRACE,
            span_id=(hash(name) & 0xFFFFFFFFFFFFFFFF | 1).to_bytes(8, "big"),
            name=name,
            start_time_unix_nano=START + number,
            end_time_unix_nano=START + number + 1_000_000,
            attributes=attributes(**given),
        )
    return request


def logs(texts: Iterable[str], *, time: int = START, **given: Any) -> ExportLogsServiceRequest:
    """A log record for each text."""
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for text in texts:
        scope.log_records.add(
            time_unix_nano=time, severity_number=9, body=AnyValue(string_value=text), attributes=attributes(**given)
        )
    return request


def gauges(values: Iterable[float]) -> ExportMetricsServiceRequest:
    """A gauge with a data point for each value."""
    request = ExportMetricsServiceRequest()
    metric = request.resource_metrics.add().scope_metrics.add().metrics.add(name="depth", unit="1")
    for value in values:
        metric.gauge.data_points.add(time_unix_nano=START, as_double=value)
    return request


def span_json(**fields: Any) -> bytes:
    """A JSON request with one span."""
    span = {
        "traceId": TRACE.hex(),
        "spanId": "00000000000000aa",
        "name": "work",
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(START + 1_000_000),
        **fields,
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
