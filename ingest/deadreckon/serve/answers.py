"""Answers in the sender's own encoding: what was taken, what was not, and why."""

from __future__ import annotations

from typing import Final

import orjson

from deadreckon.serve.signals import Signal

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"
INVALID_ARGUMENT: Final = 3
NOT_FOUND: Final = 5
UNAVAILABLE: Final = 14
UNAUTHENTICATED: Final = 16
"""Codes of google.rpc, which gRPC has, too."""


def success(signal: Signal, kind: str, rejected: int, reason: str) -> bytes:
    """The body that says how many items were not taken: none, in most answers."""
    if not rejected:
        return b"{}" if kind == JSON else b""
    if kind == JSON:
        return orjson.dumps({"partialSuccess": {signal.rejected_json: str(rejected), "errorMessage": reason}})
    return partial(signal, rejected, reason)


def partial(signal: Signal, rejected: int, reason: str) -> bytes:
    """The same in protobuf, for some items that were not taken."""
    answer = signal.response()()
    setattr(answer.partial_success, signal.rejected, rejected)
    answer.partial_success.error_message = reason
    data: bytes = answer.SerializeToString()
    return data


def failure(kind: str, code: int, message: str) -> bytes:
    """A google.rpc.Status, which is the body of every 4xx and 5xx."""
    if kind == JSON:
        return orjson.dumps({"code": code, "message": message})
    text = message.encode("utf-8", "replace")
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*digits, number))
