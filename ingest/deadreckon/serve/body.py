"""Unpacking a request's body, never further than it may be long."""

from __future__ import annotations

import zlib
from typing import Any, Final

from deadreckon.serve.limits import TooLargeError

ENCODINGS: Final = ("gzip", "deflate", "zstd")
_PIECE: Final = 4096
_GZIP, _ZLIB = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS


class EncodingError(Exception):
    """The body is not what its Content-Encoding says; the message is the reason."""


class UnknownEncodingError(Exception):
    """A Content-Encoding that is not read."""


def unpacked(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding (a list in the order of packing, or nothing).

    Raises:
        EncodingError: it cannot be unpacked.
        UnknownEncodingError: its encoding is none of `ENCODINGS`.
        TooLargeError: it is more than `limit` bytes, of which no more are unpacked.
    """
    names = [name.strip().lower() for name in encoding.split(",")] if encoding else []
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > 2:
        raise UnknownEncodingError(f"Content-Encoding is {encoding!r}: a body is packed twice at most")
    for name in reversed(names):
        if name == "gzip":
            body = _inflated(body, _GZIP, limit)
        elif name == "deflate":
            body = _inflated(body, _ZLIB if body[:1] and body[0] & 0x0F == 8 else -zlib.MAX_WBITS, limit)
        elif name == "zstd":
            body = _zstd(body, limit)
        else:
            raise UnknownEncodingError(f"Content-Encoding is {encoding!r}; read are {', '.join(ENCODINGS)}")
    if len(body) > limit:
        raise TooLargeError(f"the body has {len(body)} bytes, and may have {limit}")
    return body


def _inflated(body: bytes, window: int, limit: int) -> bytes:
    parts: list[bytes] = []
    room = limit + 1
    at = 0
    stream: Any = zlib.decompressobj(window)
    try:
        while at < len(body):
            # In pieces, since what is behind a member's end is copied: a body may be a million members.
            piece = memoryview(body)[at : at + _PIECE]
            if stream.eof:
                stream = zlib.decompressobj(window)
            part = stream.decompress(piece, room)
            parts.append(part)
            room -= len(part)
            if room <= 0 or stream.unconsumed_tail:
                raise TooLargeError(f"the body unpacks to more than {limit} bytes")
            at += len(piece) - len(stream.unused_data)
    except zlib.error as error:
        raise EncodingError(f"the body cannot be unpacked: {error}") from error
    if not stream.eof:
        raise EncodingError("the body ends before its compressed data does")
    return b"".join(parts)


def _zstd(body: bytes, limit: int) -> bytes:
    try:
        import zstandard
    except ImportError as error:
        raise UnknownEncodingError("zstd needs a package that is not installed: pip install zstandard") from error
    try:
        with zstandard.ZstdDecompressor(max_window_size=8 << 20).stream_reader(body, read_across_frames=True) as reader:
            found: bytes = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise EncodingError(f"the body cannot be unpacked: {error}") from error
    if len(found) > limit:
        raise TooLargeError(f"the body unpacks to more than {limit} bytes")
    return found
