"""The bytes of a file, plain or compressed, as what is in it says and not its name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from deadreckon.core import inflate

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ: Final = 1 << 20


def pieces(path: Path) -> Iterator[bytes]:
    """The content in pieces of a MiB at most.

    Raises:
        OSError: it cannot be read.
        inflate.DamagedError: it is compressed, and torn or corrupt.
    """
    with path.open("rb") as file:
        kind = inflate.kind_of(file.read(6))
        file.seek(0)
        if kind:
            yield from inflate.inflate(kind, file.read)
            return
        while piece := file.read(_READ):
            yield piece


def text(path: Path) -> io.TextIOWrapper:
    """The content as UTF-8, line ends as they are; reading raises what `pieces` raises."""
    return io.TextIOWrapper(io.BufferedReader(_Raw(pieces(path))), encoding="utf-8-sig", newline="")


class _Raw(io.RawIOBase):
    """Pieces as a file."""

    def __init__(self, found: Iterator[bytes]) -> None:
        super().__init__()
        self._found = found
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._rest = self._rest or next(self._found, b"")
        view = memoryview(buffer)
        size = min(len(view), len(self._rest))
        view[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
