"""Inputs that can only be read forward: a window slides over their bytes."""

from __future__ import annotations

from abc import abstractmethod

from deadreckon.core.tail import TAIL_BYTES
from deadreckon.ingest.sources.cutting import LineSource, Manner, Piece


class ForwardSource(LineSource):
    """Keeps the bytes from `_base` on; going back is `_rewind`, which archives and pipes do differently."""

    def __init__(self, path: str, manner: Manner) -> None:
        super().__init__(path, manner)
        self._base = 0
        self._parts: list[bytes | memoryview] = []
        self._held = 0
        self._history = b""
        self._ended = False

    @abstractmethod
    def _next(self) -> bytes:
        """The next piece of decompressed bytes; b'' when there is none now. Sets `_ended` when none will come."""

    @abstractmethod
    def _rewind(self, offset: int) -> None:
        """Make `_base` at most `offset`."""

    def _reset(self) -> None:
        self._base = self._held = 0
        self._parts, self._history, self._ended = [], b"", False

    def _fetch(self, offset: int, size: int) -> Piece | None:
        if not self._slide(offset):
            return None
        while self._held < size and self._grow():
            pass
        return self._window(size)

    def _window(self, size: int) -> Piece:
        """What is held, up to `size` bytes of it."""
        buffer = b"".join(self._parts)
        self._parts = [buffer] if buffer else []
        stop = min(size, len(buffer))
        return Piece(buffer, 0, stop, eof=self._ended and stop == len(buffer))

    def _before(self, end: int) -> bytes | None:
        return self._history if self._slide(end) else None

    def _grow(self) -> bool:
        if self._ended:
            return False
        data = self._next()
        if data:
            self._parts.append(data)
            self._held += len(data)
        return bool(data)

    def _slide(self, offset: int) -> bool:
        """Move the window's start to an offset; False when the input ends before it."""
        if offset < self._base:
            self._rewind(offset)
        while self._base < offset:
            if not self._parts and not self._grow():
                return False
            first = memoryview(self._parts[0])
            passed = min(len(first), offset - self._base)
            gone, rest = first[:passed], first[passed:]
            if rest:
                self._parts[0] = rest
            else:
                del self._parts[0]
            self._base += passed
            self._held -= passed
            self._history = (self._history + bytes(gone[-TAIL_BYTES:]))[-TAIL_BYTES:]
        return True
