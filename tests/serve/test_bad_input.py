"""Spans as they should not be: each is in the lake, or the sender was told why not."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.ingest.lakes import Place
from tests.serve.requests import JSON, START, TRACE, attributes, span_json, traces
from tests.serve.servers import Server


def spans(*all_fields: dict[str, Any]) -> ExportTraceServiceRequest:
    """A request of these spans, with no resource."""
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number, fields in enumerate(all_fields, 1):
        given = {"trace_id": TRACE, "span_id": number.to_bytes(8, "big"), "start_time_unix_nano": START, **fields}
        scope.spans.add(**given)
    return request


def test_spans_as_they_should_not_be(tmp_path: Path) -> None:
    """All are kept, twice sent is once there, and what is wrong with one is still to be seen."""
    midnight = START // 86_400_000_000_000 * 86_400_000_000_000 + 86_400_000_000_000
    request = spans(
        {"name": "never ends"},
        {"name": "ends first", "end_time_unix_nano": START - 5},
        {"name": "no time", "start_time_unix_nano": 0},
        {"name": "orphan", "parent_span_id": b"\x99" * 8, "end_time_unix_nano": START + 1},
        {"name": "midnight", "start_time_unix_nano": midnight - 500_000, "end_time_unix_nano": midnight + 500_000},
        {"name": "short trace", "trace_id": b"\x01" * 7},
        {"name": "long span", "span_id": b"\x01" * 12},
        {"name": "no ids", "trace_id": b"", "span_id": b""},
        {"name": "zero ids", "trace_id": bytes(16), "span_id": bytes(8)},
        {"name": "far future", "start_time_unix_nano": 2**64 - 1, "end_time_unix_nano": 2**64 - 1},
        {
            "name": "strange",
            "kind": 99,
            "attributes": [*attributes(k=1, K=2), *attributes(k=3), *attributes(**{"": 4})],
        },
        {"name": ""},
    )
    body = request.SerializeToString()
    with Server(tmp_path) as server:
        for _ in range(2):
            assert server.post("/v1/traces", body)[:2] == (200, b"")
        server.stop()
        place = server.ingested()
    rows = {row.get("name", ""): row for row in place.events()}
    assert len(place.events()) == len(rows) == 12
    assert not place.quarantined()
    assert "status" not in rows["never ends"]
    assert "duration_ms" not in rows["never ends"]
    assert rows["ends first"]["attributes"]["otel"]["endTimeUnixNano"] == START - 5
    assert rows["midnight"]["duration_ms"] == 1.0
    assert rows["orphan"]["parent_span_id"] == "99" * 8
    assert rows["short trace"]["attributes"]["otel"]["traceId"] == "01" * 7
    assert rows["long span"]["attributes"]["otel"]["spanId"] == "01" * 12
    assert "trace_id" not in rows["zero ids"]
    assert rows["strange"]["attributes"].items() >= {"k": 1, "K": 2, "k~2": 3, "": 4}.items()
    assert all("service" not in row for row in rows.values())


def test_large_spans_with_one_command(tmp_path: Path) -> None:
    """An attribute of 10 MB and a span of 100,000 events are in the lake whole."""
    large = spans({"name": "large", "attributes": attributes(text="ü" * 5_000_000)})
    many = spans({"name": "many", "span_id": b"\x77" * 8})
    span = many.resource_spans[0].scope_spans[0].spans[0]
    for number in range(100_000):
        span.events.add(time_unix_nano=START + number, name="e", attributes=attributes(n=number))
    with Server(tmp_path, "--ingest") as server:
        for request in (large, many):
            assert server.post("/v1/traces", request.SerializeToString())[:2] == (200, b"")
        assert server.stop() == 0
    place = Place(tmp_path)
    assert not place.quarantined()
    found = {row["name"]: row for row in place.events()}
    assert found["large"]["attributes"]["text"] == "ü" * 5_000_000
    assert [e["attributes"]["n"] for e in found["many"]["attributes"]["otel"]["events"]] == list(range(100_000))


def test_deep_values_are_taken_or_refused(tmp_path: Path) -> None:
    """However deep a value of JSON is, the sender gets an answer, and the receiver goes on."""
    with Server(tmp_path) as server:
        for depth in (50, 90, 200, 5000, 100_000):
            value = '{"arrayValue":{"values":[' * depth + '{"stringValue":"leaf"}' + "]}}" * depth
            body = span_json(attributes=["HERE"]).replace(b'"HERE"', b'{"key":"deep","value":' + value.encode() + b"}")
            status, said, _ = server.post("/v1/traces", body, JSON)
            assert status in (200, 400)
            assert status == (200 if depth < 60 else status)
            assert status == 200 or json.loads(said)["message"]
        assert server.post("/v1/traces", traces(["after"]).SerializeToString())[0] == 200
        server.stop()
        place = server.ingested()
        assert "after" in [row.get("name") for row in place.events()]


@pytest.mark.fault
def test_a_follower_that_dies_is_started_again(tmp_path: Path) -> None:
    """The receiver goes on, says it, and what came meanwhile is in the lake."""
    with Server(tmp_path, "--ingest") as server:
        server.post("/v1/traces", traces(["before"]).SerializeToString())
        lists = list(Path(f"/proc/{server.process.pid}/task").glob("*/children"))
        if not lists:
            pytest.skip("this system does not list a process's children")
        (child,) = " ".join(one.read_text() for one in lists).split()
        os.kill(int(child), signal.SIGKILL)
        assert server.post("/v1/traces", traces(["meanwhile"]).SerializeToString())[0] == 200
        for _ in range(1200):
            if len(server.names()) == 2:
                break
            time.sleep(0.05)
        assert server.names() == ["before", "meanwhile"]
        assert "ingest ended (exit code -9)" in server.errors.read_text()
        server.stop()


def test_a_lake_that_cannot_be_written_does_not_stop_the_receiver(tmp_path: Path) -> None:
    """Its error is said with what to do; what is received waits in the spool."""
    (tmp_path / "lake").write_text("no folder")
    with Server(tmp_path, "--ingest") as server:
        for _ in range(1200):
            if "ingest ended" in server.errors.read_text():
                break
            time.sleep(0.05)
        assert server.post("/v1/traces", traces(["kept"]).SerializeToString())[0] == 200
        server.stop()
        said = server.errors.read_text()
        assert "error: " in said
        assert "hint: " in said
        assert "Traceback" not in said
        (tmp_path / "lake").unlink()
        assert [row["name"] for row in server.ingested().events()] == ["kept"]
