"""OTLP over gRPC: codes for what goes wrong. What goes right is shown by OpenTelemetry's exporter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.serve.requests import logs, traces
from tests.serve.servers import Server

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


@pytest.fixture(scope="module")
def rpc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("rpc")
    words = ["--grpc", "--grpc-port", "0", "--max-body", "300000"]
    with Server(root, *words, DEADRECKON_INGEST_MAX_LINE_BYTES="5000") as running:
        yield running


def call(server: Server, method: str, body: bytes, **options: Any) -> bytes:
    with grpc.insecure_channel(server.grpc.removeprefix("grpc://")) as channel:
        answer: bytes = channel.unary_unary(method)(body, timeout=60, **options)
        return answer


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_request_that_is_right(rpc: Server, compression: Any) -> None:
    """It is in the spool when it is answered."""
    name = f"by grpc {compression}"
    assert call(rpc, TRACES, traces([name]).SerializeToString(), compression=compression) == b""
    assert name in str(rpc.spooled())


def test_a_span_that_is_too_long_is_rejected_alone(rpc: Server) -> None:
    """The answer counts it."""
    answer = call(rpc, TRACES, traces(["a", "b" * 6000]).SerializeToString())
    assert ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans == 1


@pytest.mark.parametrize(
    ("method", "body", "compression", "code", "reason"),
    [
        (TRACES, b"\xff\xff", None, grpc.StatusCode.INVALID_ARGUMENT, "no protobuf message of OTLP traces"),
        (TRACES, b"x" * 300_001, None, grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
        (TRACES, bytes(9_000_000), grpc.Compression.Gzip, grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
        (TRACES.replace("Export", "Import"), b"", None, grpc.StatusCode.UNIMPLEMENTED, ""),
        (
            TRACES.replace("trace.v1.Trace", "logs.v1.Logs"),
            logs(["a" * 6000]).SerializeToString()[:-1],
            None,
            grpc.StatusCode.INVALID_ARGUMENT,
            "OTLP logs",
        ),
    ],
)
def test_a_request_that_is_wrong(
    rpc: Server, method: str, body: bytes, compression: Any, code: grpc.StatusCode, reason: str
) -> None:
    """Each code is one that exporters do not retry, and says why."""
    with pytest.raises(grpc.RpcError) as caught:
        call(rpc, method, body, compression=compression)
    assert caught.value.code() is code
    assert reason in caught.value.details()


def test_a_port_that_is_taken(rpc: Server) -> None:
    """Two receivers do not take turns on one port."""
    port = rpc.grpc.rpartition(":")[2]
    with pytest.raises(AssertionError, match=f"port {port} for gRPC"):
        Server(rpc.root / "other", "--grpc", "--grpc-port", port)
