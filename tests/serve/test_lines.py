"""Requests as lines of the spool: sizes, counts, and ids by which a repetition is known."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.ingest.reading import read
from tests.serve.requests import START, gauges, logs, span_json, traces

from deadreckon.serve import receiver
from deadreckon.serve.lines import Lines
from deadreckon.serve.signals import LOGS, METRICS, TRACES, Signal


def lines(signal: Signal, body: bytes, limit: int = 8 << 20) -> Lines:
    return receiver.read(signal, body, limit, json=body[:1] == b"{")


def events(signal: Signal, body: bytes) -> list[dict[str, Any]]:
    """What ingest makes of a request."""
    return read(lines(signal, body).block.decode()).rows


@pytest.mark.parametrize(
    ("signal", "body"),
    [
        (TRACES, traces(["a", "b"]).SerializeToString()),
        (LOGS, logs(["same", "same", "other"]).SerializeToString()),
        (LOGS, logs(["no time", "no time"], time=0).SerializeToString()),
        (METRICS, gauges([1.0, 1.0, 2.0]).SerializeToString()),
        (TRACES, span_json(traceId="", spanId="")),
        (TRACES, span_json(spanId="short")),
        (TRACES, span_json(traceId="0" * 32)),
    ],
)
def test_the_same_bytes_are_the_same_events(signal: Signal, body: bytes) -> None:
    """A request that is sent again gives the same ids; within a request each event has its own."""
    first, again = events(signal, body), events(signal, body)
    ids = [row["event_id"] for row in first]
    assert ids == [row["event_id"] for row in again]
    assert len(set(ids)) == len(ids) == lines(signal, body).taken


def test_other_requests_are_other_events() -> None:
    """The same record beside another is another event, unless it is a span."""
    alone, beside = logs(["a"]).SerializeToString(), logs(["a", "b"]).SerializeToString()
    assert events(LOGS, alone)[0]["event_id"] != events(LOGS, beside)[0]["event_id"]
    alone, beside = traces(["a"]).SerializeToString(), traces(["a", "b"]).SerializeToString()
    assert events(TRACES, alone)[0]["event_id"] == events(TRACES, beside)[0]["event_id"]


def test_ids_stand_near_each_other_in_time() -> None:
    """They begin with the millisecond, as UUIDv7 does: a repetition is looked for in few files."""
    (row,) = events(LOGS, logs(["a"]).SerializeToString())
    assert row["event_id"].replace("-", "").startswith(f"{START // 1_000_000:012x}")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", row["event_id"])


def test_an_event_id_of_the_sender_is_kept() -> None:
    """Who knows better what is the same, says so."""
    (row,) = events(LOGS, logs(["a"], event_id="mine").SerializeToString())
    assert row["event_id"] == "mine"


@pytest.mark.parametrize("limit", [2_000, 20_000, 8 << 20])
@pytest.mark.parametrize(
    ("signal", "request_", "key"),
    [
        (TRACES, traces([f"span-{n}" for n in range(523)]), "span_id"),
        (LOGS, logs([f"text {n}" for n in range(523)]), "event"),
        (METRICS, gauges([float(n) for n in range(523)]), "value"),
    ],
)
def test_lines_have_room_for_few_records(signal: Signal, request_: Any, key: str, limit: int) -> None:
    """However a request is cut, each line is within the limit and every record is in one of them."""
    found = lines(signal, request_.SerializeToString(), limit)
    assert (found.taken, found.rejected) == (523, 0)
    assert all(len(line) <= limit for line in found.block.splitlines(keepends=True))
    rows = read(found.block.decode()).rows
    assert len({row[key] for row in rows}) == len(rows) == 523
    assert len(found.block.splitlines()) >= 6


@pytest.mark.parametrize(
    ("signal", "request_"),
    [(TRACES, traces(["a" * 900])), (LOGS, logs(["a" * 900])), (METRICS, gauges([1.0]))],
)
def test_what_has_no_room_in_a_line_is_counted(signal: Signal, request_: Any) -> None:
    """It is rejected, with its size and the setting that bounds it."""
    found = lines(signal, request_.SerializeToString(), 150)
    assert (found.taken, found.rejected, found.block) == (0, 1, b"")
    assert f"a {signal.noun} makes a line of" in found.reason
    assert "ingest.max_line_bytes is 150" in found.reason


def test_a_record_that_cannot_be_written_is_rejected_alone() -> None:
    """A value that is nested deeper than JSON's writer goes costs its own span, not the batch."""
    deep: dict[str, Any] = {"stringValue": "leaf"}
    for _ in range(200):
        deep = {"arrayValue": {"values": [deep]}}
    request = json.loads(span_json(name="fine"))
    spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans.append({**spans[0], "name": "deep", "attributes": [{"key": "k", "value": deep}]})
    found = lines(TRACES, json.dumps(request).encode())
    assert (found.taken, found.rejected) == (1, 1)
    assert "a span cannot be written" in found.reason
    assert [row["name"] for row in read(found.block.decode()).rows] == ["fine"]


def test_metrics_without_points_say_nothing() -> None:
    """They are no fault either, and take no other metric with them."""
    request = gauges([1.0])
    request.resource_metrics[0].scope_metrics[0].metrics.add(name="empty")
    request.resource_metrics[0].scope_metrics[0].metrics.add(name="none").sum.is_monotonic = True
    assert [row["name"] for row in events(METRICS, request.SerializeToString())] == ["depth"]


def test_lines_are_lines() -> None:
    """Whatever stands in a text, a line has one newline: its last character."""
    found = lines(TRACES, traces(["a\nb\r\u2028\0"], **{"k\n": "v\n"}).SerializeToString())
    (line,) = found.block.decode().split("\n")[:-1]
    span = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert span["name"] == "a\nb\r\u2028\0"
