"""A sender under load: `python -m tests.serve.sender KIND ENDPOINT BATCH STOP ACKNOWLEDGED`.

Sends batches, each a trace of its own, until the file STOP appears. A batch that is not acknowledged is sent again with
the same bytes, as exporters do; the trace ids of those that are stand in the file ACKNOWLEDGED, one per line.
"""

from __future__ import annotations

import http.client
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.serve.requests import START, attributes

MARK = b"\xfe\xed" * 8


def main(kind: str, endpoint: str, batch: int, stop: Path, acknowledged: Path) -> None:
    """Send until told to stop."""
    send: Callable[[], str] = raw(endpoint, batch) if kind == "raw" else exported(kind, endpoint, batch)
    with acknowledged.open("a") as said:
        while not stop.exists():
            trace_id = send()
            if trace_id:
                said.write(f"{trace_id}\n")
                said.flush()


def raw(endpoint: str, batch: int) -> Callable[[], str]:
    """As fast as bytes can be sent: one request, in which the trace id is replaced."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.extend(attributes(**{"service.name": "raw"}))
    scope = resource.scope_spans.add()
    for number in range(batch):
        span = scope.spans.add(
            trace_id=MARK,
            span_id=(number + 1).to_bytes(8, "big"),
            name=f"step {number}",
            start_time_unix_nano=START + number,
            end_time_unix_nano=START + number + 5_000_000,
        )
        span.attributes.extend(
            attributes(
                **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": number}
            )
        )
    template = request.SerializeToString()
    connection: list[http.client.HTTPConnection] = []

    def send() -> str:
        trace_id = os.urandom(16)
        body = template.replace(MARK, trace_id)
        for _ in range(600):
            try:
                if not connection:
                    connection.append(http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=30))
                connection[0].request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
                answer = connection[0].getresponse()
                answer.read()
                if answer.status == 200:
                    return trace_id.hex()
            except (OSError, http.client.HTTPException):
                connection.clear()
            time.sleep(0.05)
        return ""

    return send


def exported(kind: str, endpoint: str, batch: int) -> Callable[[], str]:
    """Through OpenTelemetry's SDK and one of its exporters, whose own retries are used."""
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    if kind == "http":
        from opentelemetry.exporter.otlp.proto.http import Compression
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter: SpanExporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=60, compression=Compression.Gzip)
    else:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        exporter = GrpcExporter(endpoint, insecure=True, timeout=60)
    made: list[ReadableSpan] = []

    class Collect(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            made.extend(spans)  # type: ignore[call-overload]
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Collect()))
    tracer = provider.get_tracer("load")

    def send() -> str:
        made.clear()
        with tracer.start_as_current_span("root") as root:
            for number in range(batch - 1):
                tracer.start_span(f"step {number}", attributes={"n": number, "gen_ai.request.model": "m"}).end()
        done = exporter.export(list(made)) is SpanExportResult.SUCCESS
        return f"{root.get_span_context().trace_id:032x}" if done else ""

    return send


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
