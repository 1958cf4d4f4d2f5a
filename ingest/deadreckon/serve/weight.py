"""How many messages a protobuf body holds, known before it is read: two bytes of it can become hundreds in memory."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

_SIZES: Final = {1: 8, 5: 4}
"""Wire type -> bytes of its values, where they all have as many."""

Fields = dict[int, Any]


def parts(kind: Any, body: bytes, most: int) -> int:
    """The number of messages inside of a message, or a number above `most`; of a damaged body, as far as it goes.

    `kind`: the message's descriptor.
    """
    found = 0
    spans: list[tuple[int, int, Any]] = [(0, len(body), kind)]
    try:
        while spans and found <= most:
            at, end, inside = spans.pop()
            messages = _messages(inside)
            while at < end and found <= most:
                key, at = _varint(body, at)
                if key & 7 == 2:
                    length, at = _varint(body, at)
                    if key >> 3 in messages:
                        found += 1
                        if length:
                            spans.append((at, min(at + length, end), messages[key >> 3]))
                    at += length
                elif key & 7 == 0:
                    _, at = _varint(body, at)
                else:
                    at += _SIZES.get(key & 7, 0)
    except IndexError:  # it ends early, which its parser will say
        return found
    return found


def _varint(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = body[at]
        at += 1
        if byte < 128:
            return number | byte << shift, at
        number |= (byte & 127) << shift
        shift += 7


@cache
def _messages(kind: Any) -> Fields:
    return {field.number: field.message_type for field in kind.fields if field.message_type is not None}
