"""The three signals of OTLP: what their requests, records and answers are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from deadreckon.serve import messages
from deadreckon.serve.messages import Json


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal. Request and answer are protobuf messages of `opentelemetry-proto`, imported when first asked for."""

    name: str
    """As in the path: /v1/traces."""
    resources: str
    scopes: str
    records: str
    noun: str
    """What one of its items is called: of metrics, a data point."""
    rejected: str
    """The answer's field that counts items that were not taken, in protobuf."""
    read: Callable[[Any], list[Json]]
    """A request in the form of OTLP/JSON."""
    service: str
    """The gRPC service, whose one method is Export."""

    def request(self) -> Any:
        """The class of its request."""
        return getattr(_module(self.name), f"Export{_TITLES[self.name]}ServiceRequest")

    def response(self) -> Any:
        """The class of its answer."""
        return getattr(_module(self.name), f"Export{_TITLES[self.name]}ServiceResponse")

    @property
    def rejected_json(self) -> str:
        """The field `rejected` in JSON."""
        first, *rest = self.rejected.split("_")
        return first + "".join(word.title() for word in rest)


_TITLES: Final = {"traces": "Trace", "logs": "Logs", "metrics": "Metrics"}
_SERVICE: Final = "opentelemetry.proto.collector"

TRACES: Final = Signal(
    "traces",
    "resourceSpans",
    "scopeSpans",
    "spans",
    "span",
    "rejected_spans",
    messages.spans,
    f"{_SERVICE}.trace.v1.TraceService",
)
LOGS: Final = Signal(
    "logs",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
    "log record",
    "rejected_log_records",
    messages.logs,
    f"{_SERVICE}.logs.v1.LogsService",
)
METRICS: Final = Signal(
    "metrics",
    "resourceMetrics",
    "scopeMetrics",
    "metrics",
    "data point",
    "rejected_data_points",
    messages.metrics,
    f"{_SERVICE}.metrics.v1.MetricsService",
)
SIGNALS: Final = (TRACES, LOGS, METRICS)


def _module(name: str) -> Any:
    if name == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        return trace_service_pb2
    if name == "logs":
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

        return logs_service_pb2
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    return metrics_service_pb2
