"""OTLP's typed values and attribute lists to plain JSON."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

T = TypeVar("T")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_HEX: Final = re.compile(r"[0-9a-fA-F]+")
MAX_DEPTH: Final = 64
"""Deeper values stay as they are written: they are kept, not unwrapped."""


class NotOtlpError(Exception):
    """Something is not what OTLP says it is."""


def taken(record: dict[str, Any], key: str, read: Callable[[Any], T], left: dict[str, Any]) -> T | None:
    """A field of a record, read; one that is not what OTLP says stays among what is left, as it is."""
    value = record.get(key)
    if value is None:
        return None
    try:
        return read(value)
    except NotOtlpError:
        put(left, key, value)
        return None


def objects(value: Any) -> list[dict[str, Any]]:
    """A list of objects; absent or null is none.

    Raises:
        NotOtlpError: it is something else.
    """
    if value is None:
        return []
    if type(value) is list and all(type(one) is dict for one in value):
        return value
    raise NotOtlpError


def attributes(value: Any) -> dict[str, Any]:
    """A list of `{"key", "value"}` as an object; a key that comes again gets `~2`.

    Raises:
        NotOtlpError: it is something else.
    """
    found: dict[str, Any] = {}
    for pair in objects(value):
        if type(pair.get("key")) is not str or len(pair) > 2 or (len(pair) == 2 and "value" not in pair):
            raise NotOtlpError
        put(found, pair["key"], plain(pair.get("value")))
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """An AnyValue as plain JSON; what is none stays as it is."""
    if type(value) is not dict or len(value) != 1 or depth > MAX_DEPTH:
        return None if value == {} else value
    ((kind, content),) = value.items()
    if kind in ("stringValue", "boolValue", "bytesValue"):
        return content
    if kind == "intValue":
        return integer(content)
    if kind == "doubleValue":
        return content
    if kind == "arrayValue" and type(content) is dict and content.keys() <= {"values"}:
        items = content.get("values", [])
        return [plain(one, depth + 1) for one in items] if type(items) is list else value
    if kind == "kvlistValue" and type(content) is dict and content.keys() <= {"values"}:
        return _object(content.get("values", []), value, depth)
    return value


def _object(pairs: Any, value: Any, depth: int) -> Any:
    if type(pairs) is not list:
        return value
    found: dict[str, Any] = {}
    for pair in pairs:
        if type(pair) is not dict or type(pair.get("key")) is not str or not pair.keys() <= {"key", "value"}:
            return value
        put(found, pair["key"], plain(pair.get("value"), depth + 1))
    return found


def integer(value: Any) -> Any:
    """An integer that may be written as text; what is none stays as it is."""
    if type(value) is str and len(value) <= 20 and value.lstrip("-").isdigit() and value.isascii():
        try:
            return int(value)
        except ValueError:
            return value
    return value


def put(found: dict[str, Any], key: str, value: Any) -> None:
    """Add a value under its key, or under a free one: `key~2`, `key~3`, ..."""
    if key not in found:
        found[key] = value
        return
    # Found by halves, as an exporter may send one key a hundred thousand times.
    taken_one, free = 1, 2
    while f"{key}~{free}" in found:
        taken_one, free = free, 2 * free
    while free - taken_one > 1:
        middle = (taken_one + free) // 2
        if f"{key}~{middle}" in found:
            taken_one = middle
        else:
            free = middle
    found[f"{key}~{free}"] = value


def joined(first: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
    """Objects in one; a key that comes again gets `~2`."""
    found = dict(first)
    for one in more:
        for key, value in one.items():
            put(found, key, value)
    return found


def others(record: dict[str, Any], known: Collection[str]) -> dict[str, Any]:
    """What a record holds beside the known keys; what is empty says nothing, nor does a count of nothing dropped."""
    return {
        key: value
        for key, value in record.items()
        if key not in known
        and value is not None
        and not (type(value) in (str, list, dict) and not value)
        and not (value == 0 and key.startswith("dropped"))
    }


def nanos(value: Any) -> int | None:
    """Nanoseconds since 1970, as text or number; 0 is not known.

    Raises:
        NotOtlpError: it is something else.
    """
    if value == "":
        return None
    number = integer(value)
    if type(number) is not int or not 0 <= number < 1 << 63:
        raise NotOtlpError
    return number or None


def instant(nanoseconds: int | None) -> int | str | None:
    """Nanoseconds since 1970 as the decoder reads times: so early that it would guess another unit, as text."""
    if nanoseconds is None or nanoseconds >= 10**17:
        return nanoseconds
    return (EPOCH + timedelta(microseconds=nanoseconds // 1000)).isoformat()


def text(value: Any) -> str | None:
    """A text; an empty one is none.

    Raises:
        NotOtlpError: it is something else.
    """
    if type(value) is not str:
        raise NotOtlpError
    return value or None


def trace_id(value: Any) -> str | None:
    """A trace id in hex; see `identity`."""
    return identity(value, 32)


def span_id(value: Any) -> str | None:
    """A span id in hex; see `identity`."""
    return identity(value, 16)


def identity(value: Any, digits: int) -> str | None:
    """An id in hex; one in base64, as protobuf's own JSON has it, is converted; an empty one or zero is none.

    Raises:
        NotOtlpError: it is something else.
    """
    if value == "":
        return None
    if type(value) is not str:
        raise NotOtlpError
    digits_given = value
    if len(value) != digits:
        try:
            digits_given = base64.b64decode(value, validate=True).hex()
        except (binascii.Error, ValueError):
            raise NotOtlpError from None
    if len(digits_given) != digits or not _HEX.fullmatch(digits_given):
        raise NotOtlpError
    return digits_given.lower() if digits_given.strip("0") else None


def event_id(nanoseconds: int | None, *said: str) -> str:
    """The id of an event that is known by these words: the same whenever and from wherever it comes.

    Like those that the decoder derives: its millisecond, then a hash.
    """
    time = f"{max(nanoseconds or 0, 0) // 1_000_000 & 0xFFFFFFFFFFFF:012x}"
    rest = hashlib.md5(":".join(said).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return f"{time[:8]}-{time[8:]}-8{rest[:3]}-8{rest[3:6]}-{rest[6:18]}"
