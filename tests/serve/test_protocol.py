"""OTLP over HTTP: what is taken, what is refused, and what the answer says."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
import zlib
from pathlib import Path

import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from tests.serve.requests import JSON, gauges, logs, span_json, traces
from tests.serve.servers import Server


def names(server: Server) -> set[str]:
    """The names of all spans in the spool."""
    return {
        span["name"]
        for line in server.spooled()
        for resource in line.get("resourceSpans", ())
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    }


class TestTaken:
    """A request that is right is on the disk when it is answered."""

    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [
            ("", bytes),
            ("identity", bytes),
            ("gzip", gzip.compress),
            ("GZIP", lambda body: gzip.compress(body[:9], mtime=0) + gzip.compress(body[9:])),
            ("deflate", zlib.compress),
            ("deflate", lambda body: zlib.compress(body, wbits=-15)),
            ("zstd", zstandard.compress),
            ("gzip, zstd", lambda body: zstandard.compress(gzip.compress(body, mtime=0))),
        ],
    )
    def test_protobuf_however_it_is_packed(self, server: Server, encoding: str, pack: object) -> None:
        """The answer is empty, as protobuf has it, and the span is in the spool."""
        name = f"packed {encoding} {pack}"
        body = pack(traces([name]).SerializeToString())  # type: ignore[operator]
        status, said, headers = server.post("/v1/traces", body, {"Content-Encoding": encoding} if encoding else {})
        assert (status, said, headers["content-type"]) == (200, b"", "application/x-protobuf")
        assert name in names(server)

    def test_json(self, server: Server) -> None:
        """It is answered in JSON; what the protocol does not know is kept."""
        body = span_json(name="json", news={"a": 1})
        status, said, headers = server.post("/v1/traces", body, {"Content-Type": "application/json; charset=utf-8"})
        assert (status, json.loads(said), headers["content-type"]) == (200, {}, "application/json")
        assert any('"news": {"a": 1}' in json.dumps(line) for line in server.spooled())

    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            (b'{"stringValue":"cut \\ud83d"}', {"stringValue": "cut \\ud83d"}),
            (b'{"doubleValue":NaN}', {"doubleValue": "NaN"}),
            (b'{"doubleValue":-Infinity}', {"doubleValue": "-Infinity"}),
            (b'{"intValue":123456789012345678901234567890,"x":NaN}', {"intValue": "123456789012345678901234567890"}),
        ],
    )
    def test_json_as_languages_write_it(self, server: Server, value: bytes, kept: dict[str, str]) -> None:
        """Half of a character where JavaScript cut a text, NaN from Python: no reason to lose a batch."""
        body = span_json(name=str(kept), attributes=["HERE"]).replace(b'"HERE"', b'{"key":"k","value":' + value + b"}")
        assert server.post("/v1/traces", body, JSON)[0] == 200
        (span,) = (
            span
            for line in server.spooled()
            for resource in line.get("resourceSpans", ())
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
            if span["name"] == str(kept)
        )
        assert kept.items() <= span["attributes"][0]["value"].items()

    def test_logs_and_metrics(self, server: Server) -> None:
        """Each has its path."""
        assert server.post("/v1/logs", logs(["hello"]).SerializeToString())[0] == 200
        assert server.post("/v1/metrics", gauges([1.5]).SerializeToString())[0] == 200
        assert {key for line in server.spooled() for key in line} >= {"resourceLogs", "resourceMetrics"}

    @pytest.mark.parametrize("body", [b"", traces([]).SerializeToString()])
    def test_nothing_is_fine(self, server: Server, body: bytes) -> None:
        """An empty request is answered, and nothing is written."""
        before = len(server.spooled())
        assert server.post("/v1/traces", body)[0] == 200
        assert len(server.spooled()) == before

    def test_a_connection_serves_many_requests(self, server: Server) -> None:
        """It stays open, also after a refusal."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.connect()
        line = connection.sock
        for body, status in ((span_json(name="first"), 200), (b"{", 400), (span_json(name="second"), 200)):
            connection.request("POST", "/v1/traces", body, JSON)
            answer = connection.getresponse()
            answer.read()
            assert (answer.status, connection.sock) == (status, line)
        connection.close()
        assert names(server) >= {"first", "second"}


class TestRefused:
    """A request that is wrong is answered with a Status that says why, in its own encoding."""

    @pytest.mark.parametrize(
        ("path", "body", "headers", "status", "reason"),
        [
            ("/v1/traces", b"\xff\xff", {}, 400, "no protobuf message of OTLP traces"),
            ("/v1/traces", b"{", JSON, 400, "the body is not JSON"),
            ("/v1/traces", b"[]", JSON, 400, "no JSON object"),
            ("/v1/traces", b'{"resourceLogs":[]}', JSON, 400, "resourceLogs, which go to /v1/logs"),
            (
                "/v1/traces",
                b'{"resourceSpans":[],"resourceLogs":[{}]}',
                JSON,
                400,
                "resourceLogs, which go to /v1/logs",
            ),
            ("/v1/traces", b'{"spans":[]}', JSON, 400, "no resourceSpans"),
            (
                "/v1/traces",
                b'{"resourceSpans":[{"instrumentationLibrarySpans":[{"spans":[{}]}]}]}',
                JSON,
                400,
                "resourceSpans[0] has no scopeSpans, and its instrumentationLibrarySpans are not read",
            ),
            (
                "/v1/metrics",
                b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"news":{"dataPoints":[{}]}}]}]}]}',
                JSON,
                400,
                "is a news; read are gauge, sum",
            ),
            ("/v1/traces", b'{"resourceSpans":{}}', JSON, 400, "resourceSpans is no list of objects"),
            (
                "/v1/traces",
                b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":{}}]}]}]}',
                JSON,
                400,
                "resourceSpans[0].scopeSpans[0].spans[0].attributes is no list of objects",
            ),
            ("/v1/traces", b'{"resourceSpans":[{"resource":7}]}', JSON, 400, "resourceSpans[0].resource is no object"),
            (
                "/v1/metrics",
                b'{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{},"gauge":{}}]}]}]}',
                JSON,
                400,
                "is both gauge and sum",
            ),
            ("/v1/traces", span_json(), {"Content-Type": "text/plain"}, 415, "'text/plain'"),
            ("/v1/traces", span_json(), {"Content-Encoding": "br", **JSON}, 415, "read are gzip, deflate, zstd"),
            ("/v1/traces", b"no gzip", {"Content-Encoding": "gzip"}, 400, "cannot be unpacked"),
            ("/v1/traces", gzip.compress(b"x" * 50, mtime=0)[:-9], {"Content-Encoding": "gzip"}, 400, "ends before"),
            ("/v1/traces", b"x" * 300_001, {}, 413, "300001 bytes, and may have 300000"),
            (
                "/v1/traces",
                gzip.compress(b"\0" * 9_000_000, mtime=0),
                {"Content-Encoding": "gzip"},
                413,
                "more than 300000",
            ),
            ("/v1/traces", zlib.compress(b"\0" * 9_000_000), {"Content-Encoding": "deflate"}, 413, "more than 300000"),
            ("/v1/traces", zstandard.compress(b"\0" * 9_000_000), {"Content-Encoding": "zstd"}, 413, "more than"),
            ("/v1/spans", b"", {}, 404, "OTLP is at /v1/traces"),
            ("/v1/spans", b"", JSON, 404, "OTLP is at /v1/traces, /v1/logs, /v1/metrics"),
        ],
    )
    def test_a_request_that_is_wrong(
        self, server: Server, path: str, body: bytes, headers: dict[str, str], status: int, reason: str
    ) -> None:
        """The status is one that no exporter retries, and the reason names the place."""
        before = len(server.spooled())
        got, said, answer = server.post(path, body, headers)
        assert got == status
        if answer["content-type"] == "application/json":
            message = json.loads(said)["message"]
        else:
            assert answer["content-type"] == "application/x-protobuf"
            message = Status.FromString(said).message
        assert reason in message
        assert len(server.spooled()) == before

    @pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}])
    def test_a_sender_that_sends_too_much_learns_why(self, server: Server, headers: dict[str, str]) -> None:
        """It is not hung up on while it sends, or it would take that for a fault of the network and come again."""
        for _ in range(20):
            assert server.post("/v1/traces", bytes(1_100_000), headers)[0] in (413, 415)

    def test_a_path_is_not_for_every_method(self, server: Server) -> None:
        """Reading from it is refused."""
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"GET /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 405")

    def test_a_body_without_a_length_is_cut_off_too(self, server: Server) -> None:
        """Chunked bodies are counted as they come."""
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n"
            )
            for _ in range(80):
                connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 413")

    def test_a_span_that_is_too_long_is_rejected_alone(self, tmp_path: Path) -> None:
        """The others are taken; the answer counts it and says what helps, in both encodings."""
        with Server(tmp_path, DEADRECKON_INGEST_MAX_LINE_BYTES="5000") as server:
            request = traces(["a", "b", "c"])
            request.resource_spans[0].scope_spans[0].spans[1].attributes.add(key="k").value.string_value = "x" * 6000
            status, said, _ = server.post("/v1/traces", request.SerializeToString())
            partial = ExportTraceServiceResponse.FromString(said).partial_success
            assert (status, partial.rejected_spans) == (200, 1)
            assert "ingest.max_line_bytes is 5000" in partial.error_message
            assert names(server) == {"a", "c"}
            status, said, _ = server.post("/v1/traces", span_json(name="y" * 6000), JSON)
            assert (status, json.loads(said)["partialSuccess"]["rejectedSpans"]) == (200, "1")


class TestToken:
    """With a token, only those who know it may send."""

    def test_a_bearer_token(self, tmp_path: Path) -> None:
        """It is asked for in any case of the scheme; /health is open."""
        body = span_json()
        with Server(tmp_path, DEADRECKON_SERVE_TOKEN="s3cret") as server:
            for shown in ("", "Bearer", "Bearer s3cre", "Basic s3cret", "Bearer s3cr\xe9t"):
                status, said, headers = server.post("/v1/traces", body, {**JSON, "Authorization": shown})
                assert (status, headers["www-authenticate"]) == (401, "Bearer")
                assert json.loads(said)["code"] == 16
                assert b"s3cret" not in said
            assert server.post("/v1/traces", body, {**JSON, "Authorization": "bearer s3cret"})[0] == 200
            assert server.get("/health") == (200, {"status": "ok"})

    def test_an_open_door_is_mentioned(self, tmp_path: Path) -> None:
        """Who listens to every interface without a token is told."""
        with Server(tmp_path, "--host", "0.0.0.0") as server:
            assert "DEADRECKON_SERVE_TOKEN" in server.errors.read_text()


HALF = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
"""A request whose body ends before it says it does."""


class TestSlow:
    """Senders that dawdle cost nobody else anything."""

    def test_a_body_that_does_not_come_is_given_up(self, tmp_path: Path) -> None:
        """Others are answered meanwhile."""
        with (
            Server(tmp_path, "--request-timeout", "0.5") as server,
            socket.create_connection(("127.0.0.1", server.port)) as slow,
        ):
            slow.sendall(HALF)
            assert server.post("/v1/traces", span_json(), JSON)[0] == 200
            answer = b"".join(iter(lambda: slow.recv(65536), b""))  # it is closed then
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"did not arrive within 0.5 seconds" in answer

    def test_a_sender_that_goes_away_leaves_nothing(self, server: Server) -> None:
        """Half a body is no request."""
        before = len(server.spooled())
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(HALF)
        time.sleep(0.2)
        assert server.get("/ready") == (200, {"status": "ok"})
        assert len(server.spooled()) == before
