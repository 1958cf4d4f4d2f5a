"""What an input holds before an offset, decompressed where it is compressed, as ingest counts it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from deadreckon.core.inflate import DamagedError, inflate, kind_of
from deadreckon.core.tail import TAIL_BYTES


def tail_before(path: Path, end: int) -> bytes | None:
    """The last 64 KiB before `end`, which counts decompressed bytes; None when the input does not reach so far.

    What the file is its first bytes say, not its name. A damaged archive counts up to where it reads. Memory is
    bounded, time is not: an archive is decompressed up to `end`.

    Raises:
        OSError: it is not there, or cannot be read.
    """
    want = min(TAIL_BYTES, end)
    with path.open("rb") as file:
        kind = kind_of(file.read(4))
        file.seek(0 if kind else end - want)
        if kind is None:
            tail = file.read(want)
            return tail if len(tail) == want else None
        tail, passed = b"", 0
        pieces = _readable(kind, file)
        while passed < end and (piece := next(pieces, b"")):
            piece = piece[: end - passed]
            passed += len(piece)
            tail = (tail + piece[-TAIL_BYTES:])[-TAIL_BYTES:]
    return tail if passed == end else None


def _readable(kind: str, file: BinaryIO) -> Iterator[bytes]:
    """The pieces up to the end, or to the first damage: ingest has read that much."""
    try:
        yield from inflate(kind, file.read)
    except DamagedError:
        return
