"""Small requests that become large: they are refused before they do, and the receiver stays small."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tests.serve.requests import JSON, TRACE, attributes, gauges, traces
from tests.serve.servers import Server

from deadreckon.serve import body, receiver
from deadreckon.serve.limits import TooLargeError
from deadreckon.serve.signals import METRICS, TRACES
from deadreckon.serve.weight import parts


def field(number: int, content: bytes) -> bytes:
    """A field of protobuf with a length."""
    length, digits = len(content), b""
    while length > 127:
        digits += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + digits + bytes([length]) + content


MANY = 9_000_000
EMPTY_SPANS = field(1, field(2, field(2, b"") * MANY))
EMPTY_ATTRIBUTES = field(1, field(2, field(2, field(9, b"") * MANY)))
EMPTY_VALUES = field(1, field(2, field(2, field(9, field(2, field(5, field(1, b"") * MANY))))))
JSON_SPANS = b'{"resourceSpans":[{"scopeSpans":[{"spans":[' + b"{}," * 5_000_000 + b"{}]}]}]}"


def repeated(size: int, spans: int) -> bytes:
    """A resource that each line of its many spans repeats."""
    request = traces(["a"])
    request.resource_spans[0].resource.attributes.extend(attributes(big="x" * size))
    for number in range(spans):
        request.resource_spans[0].scope_spans[0].spans.add(trace_id=TRACE, span_id=(number + 1).to_bytes(8, "big"))
    return request.SerializeToString()


@pytest.mark.parametrize(
    ("sent", "headers"),
    [
        (EMPTY_SPANS, {}),
        (EMPTY_ATTRIBUTES, {}),
        (EMPTY_VALUES, {}),
        (JSON_SPANS, JSON),
        (repeated(6_000_000, 20_000), {}),
    ],
    ids=["spans", "attributes", "values", "json", "resource"],
)
def test_what_grows_too_much_is_refused(tmp_path: Path, sent: bytes, headers: dict[str, str]) -> None:
    """Some kilobytes of gzip, for which the receiver takes no more than for an honest request of that length."""
    with Server(tmp_path) as server:
        packed = gzip.compress(sent, 1, mtime=0)
        assert server.post("/v1/traces", packed, {"Content-Encoding": "gzip", **headers})[0] == 413
        assert server.post("/v1/traces", traces(["after"]).SerializeToString())[0] == 200
        status = Path(f"/proc/{server.process.pid}/status")
        if status.exists():
            (peak,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM"))
            assert int(peak) < 1_200_000


def test_a_resource_without_room_is_looked_at_once() -> None:
    """All of its spans are rejected and counted; none is tried with it again and again."""
    found = receiver.read(TRACES, repeated(900_000, 50_000), 800_000, json=False)
    assert (found.taken, found.rejected) == (0, 50_001)
    assert "ingest.max_line_bytes is 800000" in found.reason


@pytest.mark.parametrize("most", [1, 9, 523, 524, 2000])
def test_messages_are_counted_as_the_parser_has_them(most: int) -> None:
    """Resource, scope, spans, attributes and their values."""
    request = traces([f"s{n}" for n in range(100)], k=1, text="x" * 300)
    size = parts(ExportTraceServiceRequest.DESCRIPTOR, request.SerializeToString(), most)
    exact = 1 + 1 + 2 + 1 + 1 + 100 * (1 + 2 * 2)
    assert size == exact if most >= exact else size > most


@pytest.mark.parametrize(
    "sent", [b"\xff" * 100, b"\x0a", b"\x0a\xff", gauges([1.0]).SerializeToString()[:-3], b"\x0b" * 9]
)
def test_damaged_bodies_are_counted_to_their_end(sent: bytes) -> None:
    """What is wrong with them the parser says."""
    assert parts(METRICS.request().DESCRIPTOR, sent, 10) < 10


def test_many_members_are_one_body() -> None:
    """A gzip file may be many in a row, empty ones too; each costs what it holds."""
    member = gzip.compress(b"", mtime=0)
    text = json.dumps(list(range(50_000))).encode()
    packed = member * 100_000 + gzip.compress(text, mtime=0) + member * 100_000
    assert body.unpacked(packed, "gzip", 1 << 20) == text
    with pytest.raises(TooLargeError):
        body.unpacked(packed, "gzip", len(text) - 1)
