"""What makes a record's event the same when its request is sent again.

For a span that is its trace and span id. Every other record gets an `event_id` from the request's bytes and its place
in them: a sender that saw no answer sends the same bytes again.
"""

from __future__ import annotations

import hashlib
from typing import Any

from deadreckon.serve.messages import Json
from deadreckon.serve.shape import objects
from deadreckon.serve.signals import TRACES, Signal


class Identity:
    """Gives the records of one request their ids."""

    def __init__(self, signal: Signal, body: bytes) -> None:
        self._are_spans = signal is TRACES
        self._base = hashlib.blake2b(body, digest_size=16, person=signal.name.encode())
        self._count = 0

    def give(self, record: Json, where: str) -> None:
        """Give a record an `event_id` unless it needs or has one.

        Raises:
            MalformedError: its attributes are none.
        """
        given = objects(record.get("attributes"), f"{where}.attributes")
        if self._are_spans and _is_id(record.get("traceId"), 32) and _is_id(record.get("spanId"), 16):
            return
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
