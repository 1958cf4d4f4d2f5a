"""OpenTelemetry's own SDK and exporters as senders: what they report is in the lake, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, Status, StatusCode
from tests.serve.servers import Server

SERVICE = Resource.create({"service.name": "shop", "deployment.environment.name": "prod", "service.version": "7"})


def by_http(server: Server, **options: Any) -> tuple[Any, Any, Any]:
    """The exporters of traces, logs and metrics."""
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    options = {"compression": Compression.Gzip, **options}
    return (
        OTLPSpanExporter(f"{server.url}/v1/traces", **options),
        OTLPLogExporter(f"{server.url}/v1/logs", **options),
        OTLPMetricExporter(f"{server.url}/v1/metrics", **options),
    )


def by_grpc(server: Server, **options: Any) -> tuple[Any, Any, Any]:
    """The same over gRPC."""
    import grpc
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    options = {"insecure": True, "endpoint": server.grpc.replace("grpc", "http"), **options}
    options = {"compression": grpc.Compression.Gzip, **options}
    return OTLPSpanExporter(**options), OTLPLogExporter(**options), OTLPMetricExporter(**options)


@pytest.fixture(params=[by_http, by_grpc], ids=["http", "grpc"])
def sent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, tuple[Any, Any, Any]]]:
    """A receiver, and exporters that send to it."""
    with Server(tmp_path, *(["--grpc", "--grpc-port", "0"] if request.param is by_grpc else [])) as server:
        yield server, request.param(server)


def spans(exporter: SpanExporter) -> tuple[TracerProvider, Any]:
    provider = TracerProvider(resource=SERVICE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, provider.get_tracer("tests", "1.0")


def test_spans(sent: tuple[Server, Any]) -> None:
    """Tree, times, names, model calls, errors, events and links arrive; stopping the server loses nothing."""
    server, (exporter, _, _) = sent
    provider, tracer = spans(exporter)
    with tracer.start_as_current_span("agent", attributes={"session.id": "s-1", "odd": float("nan")}) as root:
        call = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 3,
            "gen_ai.response.finish_reasons": ["stop"],
            "große": "ü\0\n",
        }
        with tracer.start_as_current_span("chat gpt-5", attributes=call, links=[Link(root.get_span_context())]) as chat:
            chat.add_event("gen_ai.content.completion.chunk")
        with pytest.raises(ValueError, match="no"), tracer.start_as_current_span("tool"):
            raise ValueError("no")
        tracer.start_span("marked").set_status(Status(StatusCode.ERROR, "why"))  # never ends, so it is never sent
    provider.shutdown()
    assert server.stop() == 0

    found = {row["name"]: row for row in server.ingested().events()}
    assert found.keys() == {"agent", "chat gpt-5", "tool"}
    agent, chat_row, tool = found["agent"], found["chat gpt-5"], found["tool"]
    context = root.get_span_context()
    assert (agent["trace_id"], agent["span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")
    assert (agent["service"], agent["environment"], agent["session_id"]) == ("shop", "prod", "s-1")
    assert agent["attributes"]["odd"] == "NaN"
    assert agent["attributes"]["otel"]["resource"]["service.version"] == "7"
    assert chat_row["parent_span_id"] == tool["parent_span_id"] == agent["span_id"]
    assert (chat_row["model"], chat_row["input_tokens"], chat_row["output_tokens"]) == ("gpt-5", 12, 3)
    assert (chat_row["operation"], chat_row["finish_reason"], chat_row["status"]) == ("chat", "stop", "ok")
    assert chat_row["attributes"]["große"] == "ü\0\n"
    assert chat_row["attributes"]["otel"]["links"][0]["spanId"] == agent["span_id"]
    assert 0 <= chat_row["ttft_ms"] <= chat_row["duration_ms"]
    assert (tool["status"], tool["error_type"], tool["error_message"]) == ("error", "ValueError", "no")
    assert abs((agent["ts"] - datetime.now(UTC)).total_seconds()) < 600
    assert not list((server.root / "spool").glob("*.jsonl")), "what was ingested must leave the spool"


def test_logs(sent: tuple[Server, Any]) -> None:
    """Python's logging through OpenTelemetry's SDK."""
    from opentelemetry._logs import LogRecord, SeverityNumber
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    server, (_, exporter, _) = sent
    provider = LoggerProvider(resource=SERVICE)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = provider.get_logger("tests")
    for number in range(3):
        logger.emit(
            LogRecord(
                timestamp=1_795_226_400_000_000_000,
                body="the same" if number else {"a": [1, {"b": None}]},
                severity_number=SeverityNumber.WARN,
                event_name="my.event",
                attributes={"k": "v"},
            )
        )
    provider.shutdown()
    server.stop()

    rows = server.ingested().events()
    assert sorted(row["event"] for row in rows) == ["my.event", "the same", "the same"]
    assert {(row["kind"], row["level"], row["service"], row["attributes"]["k"]) for row in rows} == {
        ("log", "warning", "shop", "v")
    }
    body = next(row for row in rows if row["event"] == "my.event")["attributes"]["otel"]["body"]
    assert body == {"a": [1, {"b": None}]}


def test_metrics(sent: tuple[Server, Any]) -> None:
    """Each data point of counters, gauges and histograms is an event of kind metric."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

    server, (_, _, exporter) = sent
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    view = View(instrument_name="latency", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], resource=SERVICE, views=[view])
    meter = provider.get_meter("tests")
    meter.create_counter("calls", unit="{call}").add(17, {"gen_ai.request.model": "m"})
    meter.create_gauge("depth").set(-1.5)
    meter.create_histogram("took", unit="s").record(0.2)
    for value in (0.1, 40.0):
        meter.create_histogram("latency").record(value)
    provider.shutdown()
    server.stop()

    found = {row["name"]: row for row in server.ingested().events()}
    assert found.keys() >= {"calls", "depth", "took", "latency"}
    assert {row["kind"] for row in found.values()} == {"metric"}
    assert (found["calls"]["value"], found["calls"]["unit"], found["calls"]["model"]) == (17.0, "{call}", "m")
    assert found["calls"]["attributes"]["otel"]["metric"]["isMonotonic"] is True
    assert found["depth"]["value"] == -1.5
    took = found["took"]["attributes"]["otel"]
    assert (took["metric"]["type"], took["point"]["count"], took["point"]["sum"]) == ("histogram", 1, 0.2)
    assert len(took["point"]["bucketCounts"]) == len(took["point"]["explicitBounds"]) + 1
    latency = found["latency"]["attributes"]["otel"]
    assert latency["metric"]["type"] == "exponentialHistogram"
    assert (latency["point"]["count"], latency["point"]["min"], latency["point"]["max"]) == (2, 0.1, 40.0)
    assert sum(latency["point"]["positive"]["bucketCounts"]) == 2


@pytest.mark.parametrize("by", [by_http, by_grpc])
def test_a_sender_shows_the_token(by: Any, tmp_path: Path) -> None:
    """With it spans arrive; without it the exporter reports a failure, and nothing does."""
    with Server(tmp_path, "--grpc", "--grpc-port", "0", DEADRECKON_SERVE_TOKEN="s3cret") as server:
        for headers in ({}, {"authorization": "Bearer s3cret"}):
            provider, tracer = spans(by(server, headers=headers)[0])
            tracer.start_span("with" if headers else "without").end()
            provider.shutdown()
        server.stop()
        assert [row["name"] for row in server.ingested().events()] == ["with"]


def test_one_command_is_enough(tmp_path: Path) -> None:
    """With --ingest the spans are in the lake within seconds, and all are when it has stopped."""
    with Server(tmp_path, "--ingest") as server:
        provider, tracer = spans(by_http(server)[0])
        tracer.start_span("first").end()
        provider.force_flush()
        for _ in range(600):
            if server.names():
                break
            time.sleep(0.1)
        assert server.names() == ["first"]
        tracer.start_span("last").end()
        provider.shutdown()
        assert server.stop() == 0
        assert server.names() == ["first", "last"]
        assert "error" not in server.errors.read_text()
