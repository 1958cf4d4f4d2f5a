"""What travels between the sandbox and its process: MessagePack frames in which every SQL value keeps its type.

Nothing on this wire can name code to run, which is why it is not pickle.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import msgspec

HEADER_BYTES: Final = 8
_WIDEST: Final = 1 << 63

_PACKED: Final[dict[type, tuple[int, Callable[[Any], str]]]] = {
    Decimal: (1, str),
    date: (2, date.isoformat),
    datetime: (3, datetime.isoformat),
    time: (4, time.isoformat),
    timedelta: (5, lambda v: str(v // timedelta(microseconds=1))),
    UUID: (6, str),
    int: (7, str),  # of more than 64 bits
}
_UNPACKED: Final[dict[int, Callable[[str], Any]]] = {
    1: Decimal,
    2: date.fromisoformat,
    3: datetime.fromisoformat,
    4: time.fromisoformat,
    5: lambda t: timedelta(microseconds=int(t)),
    6: UUID,
    7: int,
}
_MAPPING: Final = 8
"""A dict with keys that are no texts, as DuckDB's MAP gives them: a list of pairs."""


def pack(value: Any) -> bytes:
    """The frame of a value made of SQL values, lists, tuples and dicts: its length, then itself."""
    body = msgspec.msgpack.encode(_plain(value))
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def unpack(body: bytes) -> Any:
    """The value of a frame's body; tuples come back as lists."""
    return msgspec.msgpack.decode(body, ext_hook=_restore)


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind in (str, float, bool, bytes) or value is None:
        return value
    if kind is int and -_WIDEST <= value < _WIDEST:
        return value
    if kind in (list, tuple):
        return [_plain(v) for v in value]
    if kind is dict:
        if all(type(k) is str for k in value):
            return {k: _plain(v) for k, v in value.items()}
        return msgspec.msgpack.Ext(_MAPPING, msgspec.msgpack.encode([[_plain(k), _plain(v)] for k, v in value.items()]))
    if kind is datetime and value.tzinfo is not None:
        value = value.astimezone(UTC)
    if kind in _PACKED:
        code, write = _PACKED[kind]
        return msgspec.msgpack.Ext(code, write(value).encode())
    return str(value)


def _restore(code: int, data: memoryview) -> Any:
    if code == _MAPPING:
        return {_hashable(k): v for k, v in unpack(bytes(data))}
    return _UNPACKED[code](bytes(data).decode())


def _hashable(key: Any) -> Any:
    return tuple(_hashable(k) for k in key) if isinstance(key, list) else str(key) if isinstance(key, dict) else key
