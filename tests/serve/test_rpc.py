"""OTLP over gRPC: codes for what goes wrong. What goes right is shown by OpenTelemetry's exporter."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.serve.requests import logs, traces
from tests.serve.servers import Server

TOKEN = {"DEADRECKON_SERVE_TOKEN": "s3cret"}
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


def test_who_may_not_send_fills_no_memory(tmp_path: Path) -> None:
    """The token is looked at before the message is read; those that may send wait for room, and are all taken."""
    request = traces(["large"])
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="k").value.string_value = "x" * 19_000_000
    body = request.SerializeToString()
    metadata = (("authorization", "Bearer s3cret"),)
    with Server(tmp_path, "--grpc", "--grpc-port", "0", DEADRECKON_INGEST_MAX_LINE_BYTES="30000000", **TOKEN) as server:

        def send(shown: tuple[tuple[str, str], ...]) -> str:
            try:
                call(server, TRACES, body, metadata=shown)
            except grpc.RpcError as error:
                return str(error.code().name)
            return "OK"

        status = Path(f"/proc/{server.process.pid}/status")
        for shown, code, most in (((), "UNAUTHENTICATED", 250_000), (metadata, "OK", 900_000)):
            with ThreadPoolExecutor(30) as pool:
                assert set(pool.map(send, [shown] * 30)) == {code}
            if status.exists():
                (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                assert int(peak) < most


def test_calls_beyond_the_limit_are_to_come_again(tmp_path: Path) -> None:
    """With a code that the protocol lets senders retry."""
    stream = grpc.insecure_channel
    with (
        Server(tmp_path, "--grpc", "--grpc-port", "0", "--max-connections", "3") as server,
        stream(server.grpc.removeprefix("grpc://")) as channel,
    ):
        silent = threading.Event()

        def nothing() -> Iterator[bytes]:
            silent.wait(60)
            yield b""

        open_ones = [channel.stream_unary(TRACES).future(nothing(), timeout=60) for _ in range(3)]

        def until_refused() -> None:
            while True:  # the others have to arrive first
                call(server, TRACES, b"")

        with pytest.raises(grpc.RpcError) as caught:
            until_refused()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        silent.set()
        assert [one.result() for one in open_ones] == [b""] * 3


def test_a_call_without_a_message_is_refused(tmp_path: Path) -> None:
    """So is one whose message does not come."""
    with (
        Server(tmp_path, "--grpc", "--grpc-port", "0", "--request-timeout", "0.5") as server,
        grpc.insecure_channel(server.grpc.removeprefix("grpc://")) as channel,
    ):
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(TRACES)(iter(()), timeout=60)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        silent = threading.Event()
        with pytest.raises(grpc.RpcError) as caught:
            channel.stream_unary(TRACES)((b"" for _ in range(1) if silent.wait(60)), timeout=60)
        silent.set()
        assert "within 0.5 seconds" in caught.value.details()


def test_a_port_that_is_taken(rpc: Server) -> None:
    """Two receivers do not take turns on one port."""
    port = rpc.grpc.rpartition(":")[2]
    with pytest.raises(AssertionError, match=f"port {port} for gRPC"):
        Server(rpc.root / "other", "--grpc", "--grpc-port", port)
