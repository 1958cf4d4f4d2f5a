"""A request as lines of the spool: OTLP/JSON, cut so that each is a line that ingest takes.

Each record carries what makes its event the same when the request is sent again. For a span that is its trace and span
id; every other record gets an `event_id` from the request's bytes and its place in them: a sender that saw no answer
sends the same bytes again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

from deadreckon.serve.messages import Json
from deadreckon.serve.signals import METRICS, TRACES, Signal

_TOGETHER: Final = 100
"""Records in one line at most: a record that is refused by ingest brings its whole line into the quarantine."""
_SHAPES: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")


class MalformedError(Exception):
    """The request is not what OTLP says; the message says where."""


@dataclass(slots=True)
class Lines:
    """What a request becomes."""

    block: bytes = b""
    """Whole lines."""
    taken: int = 0
    """Items (spans, log records, data points) in them."""
    rejected: int = 0
    reason: str = ""
    """Why some were rejected."""


def lines(signal: Signal, resources: Any, body: bytes, limit: int) -> Lines:
    """The lines of a request in the form of OTLP/JSON, which is taken over.

    `resources`: the list under the signal's key. `body`: the request's bytes, uncompressed. `limit`: bytes that a line
    may have; what does not fit by itself is rejected, and counted.

    Raises:
        MalformedError: a list or an object is something else.
    """
    found = Lines()
    written: list[bytes] = []
    identity = _Identity(signal, body)
    for at, about in enumerate(_objects(resources, signal.resources)):
        where = f"{signal.resources}[{at}]"
        _object(about.get("resource"), f"{where}.resource")
        scopes = _objects(about.pop(signal.scopes, None), f"{where}.{signal.scopes}")
        for place, scope in enumerate(scopes):
            inside = f"{where}.{signal.scopes}[{place}]"
            _object(scope.get("scope"), f"{inside}.scope")
            records = _objects(scope.pop(signal.records, None), f"{inside}.{signal.records}")
            for number, record in enumerate(records):
                identity.give(record, f"{inside}.{signal.records}[{number}]")
            line = _Line(signal, about, scope, limit)
            for chunk in _chunks(signal, records):
                written += line.write(chunk, found)
    found.block = b"".join(written)
    return found


class _Line:
    """Writes records of one resource and scope."""

    def __init__(self, signal: Signal, about: Json, scope: Json, limit: int) -> None:
        self._signal = signal
        self._about = about
        self._scope = scope
        self._limit = limit

    def write(self, records: list[Json], found: Lines) -> Iterator[bytes]:
        """These records in as few lines as have room, counted in `found`."""
        signal = self._signal
        scope = {**self._scope, signal.records: records}
        try:
            line = orjson.dumps(
                {signal.resources: [{**self._about, signal.scopes: [scope]}]}, option=orjson.OPT_APPEND_NEWLINE
            )
        except TypeError as error:  # the parser goes deeper than the writer
            raise MalformedError(f"the request cannot be written: {error}") from error
        if len(line) <= self._limit:
            found.taken += _items(signal, records)
            yield line
            return
        halves = _halves(signal, records)
        if halves:
            for half in halves:
                yield from self.write(half, found)
            return
        found.rejected += _items(signal, records)
        found.reason = (
            f"a {signal.noun} makes a line of {len(line)} bytes, and ingest.max_line_bytes is {self._limit}: "
            "send less content, or set it higher where reckon serve and reckon ingest run"
        )


class _Identity:
    """Gives records the id by which a repetition is known."""

    def __init__(self, signal: Signal, body: bytes) -> None:
        self._signal = signal
        self._base = hashlib.blake2b(body, digest_size=16, person=signal.name.encode())
        self._count = 0

    def give(self, record: Json, where: str) -> None:
        """Give the record, or each of its data points, an `event_id` unless it has one."""
        if self._signal is METRICS:
            for point in _points(record, where):
                self._mark(point, where)
            return
        _attributes(record, where)
        if self._signal is TRACES and _is_id(record.get("traceId"), 32) and _is_id(record.get("spanId"), 16):
            return
        self._mark(record, where)

    def _mark(self, record: Json, where: str) -> None:
        given = _attributes(record, where)
        self._count += 1
        if any(pair.get("key") == "event_id" for pair in given):
            return
        one = self._base.copy()
        one.update(self._count.to_bytes(4, "big"))
        record["attributes"] = [*given, {"key": "event_id", "value": {"stringValue": _uuid(_time(record), one)}}]


def _uuid(nanoseconds: int, digest: Any) -> str:
    """Like UUIDv8: the record's millisecond, so that its neighbours in time have near ids, then the hash."""
    time, rest = f"{nanoseconds // 1_000_000 & 0xFFFFFFFFFFFF:012x}", digest.hexdigest()
    return f"{time[:8]}-{time[8:]}-8{rest[:3]}-8{rest[3:6]}-{rest[6:18]}"


def _time(record: Json) -> int:
    for key in ("timeUnixNano", "startTimeUnixNano", "observedTimeUnixNano"):
        value = record.get(key)
        if type(value) is str and len(value) < 20 and value.isascii() and value.isdigit():
            value = int(value)
        if type(value) is int and value > 0:
            return value
    return 0


def _is_id(value: Any, digits: int) -> bool:
    if type(value) is not str or len(value) != digits or not (value.isascii() and value.isalnum()):
        return False
    try:
        return int(value, 16) != 0
    except ValueError:
        return False


def _chunks(signal: Signal, records: list[Json]) -> Iterator[list[Json]]:
    """Records by so many as go into one line; metrics by so many data points."""
    if signal is not METRICS:
        for start in range(0, len(records), _TOGETHER):
            yield records[start : start + _TOGETHER]
        return
    chunk: list[Json] = []
    room = _TOGETHER
    for metric in records:
        shape = _shape(metric)
        data = metric[shape] if shape else {}
        points = data.get("dataPoints") or []
        for start in range(0, len(points), _TOGETHER):
            some = points[start : start + _TOGETHER]
            if len(some) > room:
                yield chunk
                chunk, room = [], _TOGETHER
            chunk.append({**metric, shape: {**data, "dataPoints": some}})
            room -= len(some)
    if chunk:
        yield chunk


def _halves(signal: Signal, records: list[Json]) -> tuple[list[Json], list[Json]] | None:
    """The records in two parts; None when there is but one item."""
    middle = len(records) // 2
    if middle:
        return records[:middle], records[middle:]
    if signal is not METRICS:
        return None
    shape = _shape(records[0])
    points = records[0][shape]["dataPoints"]
    middle = len(points) // 2
    if not middle:
        return None
    first, second = (
        [{**records[0], shape: {**records[0][shape], "dataPoints": part}}]
        for part in (points[:middle], points[middle:])
    )
    return first, second


def _items(signal: Signal, records: list[Json]) -> int:
    if signal is not METRICS:
        return len(records)
    return sum(len(metric[_shape(metric)]["dataPoints"]) for metric in records)


def _shape(metric: Json) -> str:
    return next((shape for shape in _SHAPES if metric.get(shape) is not None), "")


def _points(metric: Json, where: str) -> list[Json]:
    shapes = [shape for shape in _SHAPES if metric.get(shape) is not None]
    if len(shapes) > 1:
        raise MalformedError(f"{where} is both {shapes[0]} and {shapes[1]}")
    if not shapes:
        return []  # a metric of no points says nothing
    data = _object(metric[shapes[0]], f"{where}.{shapes[0]}")
    return _objects(data.get("dataPoints"), f"{where}.{shapes[0]}.dataPoints")


def _attributes(record: Json, where: str) -> list[Json]:
    return _objects(record.get("attributes"), f"{where}.attributes")


def _objects(value: Any, where: str) -> list[Json]:
    if value is None:
        return []
    if type(value) is not list or any(type(one) is not dict for one in value):
        raise MalformedError(f"{where} is no list of objects")
    return value


def _object(value: Any, where: str) -> Json:
    if value is None:
        return {}
    if type(value) is not dict:
        raise MalformedError(f"{where} is no object")
    return value
