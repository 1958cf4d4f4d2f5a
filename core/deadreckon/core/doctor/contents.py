"""What an input holds before an offset, decompressed where it is compressed, as ingest counts it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

import zstandard

from deadreckon.core.tail import TAIL_BYTES

_IN: Final = 128 << 10
_OUT: Final = 1 << 20
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"


class _File(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def tail_before(path: Path, end: int) -> bytes | None:
    """The last 64 KiB before `end`, which counts decompressed bytes; None when the input does not reach so far.

    What the file is its first bytes say, not its name. A damaged archive counts up to where it reads. Memory is
    bounded, time is not: an archive is decompressed up to `end`.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    want = min(TAIL_BYTES, end)
    with path.open("rb") as file:
        head = file.read(4)
        compressed = _is_gzip(head) or _is_zstd(head)
        file.seek(0 if compressed else end - want)
        if not compressed:
            tail = file.read(want)
            return tail if len(tail) == want else None
        tail, passed = b"", 0
        pieces = _gzip(file) if _is_gzip(head) else _zstd(file)
        while passed < end and (piece := next(pieces, b"")):
            piece = piece[: end - passed]
            passed += len(piece)
            tail = (tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
    return tail if passed == end else None


def _is_gzip(head: bytes) -> bool:
    return head.startswith(_GZIP)


def _is_zstd(head: bytes) -> bool:
    # A file may begin with a frame that is to be skipped, as parallel compressors write it.
    return head.startswith(_ZSTD) or (head[1:4] == b"\x2a\x4d\x18" and 0x50 <= head[0] <= 0x5F)


def _gzip(file: _File) -> Iterator[bytes]:
    """The pieces of all members, up to the end or to the first damage."""
    raw = file.read(_IN)
    while raw.startswith(_GZIP[: len(raw)]):
        member = zlib.decompressobj(wbits=31)
        while not member.eof:
            raw = raw or file.read(_IN)
            ended = not raw
            before = member.copy()
            try:
                out = member.decompress(raw, _OUT)
            except zlib.error:
                yield from _salvaged(before, raw)
                return
            raw = member.unconsumed_tail
            if out:
                yield out
            elif ended:
                return
        raw = member.unused_data
        # Tapes and some tools pad with zeros; another member may follow.
        while not (raw := raw.lstrip(b"\0")):
            raw = file.read(_IN)
            if not raw:
                return


def _salvaged(member: zlib._Decompress, raw: bytes) -> Iterator[bytes]:
    """What the bytes before the corrupt one still give: ingest has read that much."""
    try:
        for index in range(len(raw)):
            if out := member.decompress(raw[index : index + 1]):
                yield out
    except zlib.error:
        return


def _zstd(file: _File) -> Iterator[bytes]:
    """The pieces of all frames, up to the end or to the first damage."""
    reader = zstandard.ZstdDecompressor().stream_reader(file, read_size=_IN, read_across_frames=True)  # type: ignore[arg-type]  # it asks for nothing but read()
    try:
        # Unlike read(), this gives what there is before it tries what follows, which may be damaged.
        while out := reader.read1(_OUT):
            yield out
    except zstandard.ZstdError:
        return
