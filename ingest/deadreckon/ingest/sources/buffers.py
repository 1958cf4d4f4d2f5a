"""Large buffers that are used again: each page of fresh memory costs a fault, and they are a tenth of reading a log."""

from __future__ import annotations

from typing import Final

LARGE: Final = 4 << 20
"""Smaller ones the allocator uses again by itself."""
SPACE: Final = 1 << 20
"""So much more than was asked for is made, as no two batches ask for quite the same."""


class Buffers:
    """Gives buffers, and gives one again once nobody looks into it any more. Used by one thread at a time."""

    def __init__(self) -> None:
        self._made: list[bytearray] = []

    def take(self, size: int) -> bytearray:
        """A buffer of this size at least, with anything in it. It is taken as long as a memoryview of it lives."""
        if size < LARGE:
            return bytearray(size)
        self._made = [buffer for buffer in self._made if len(buffer) >= size or _looked_into(buffer)]
        for buffer in self._made:
            if len(buffer) >= size and not _looked_into(buffer):
                return buffer
        self._made.append(bytearray(size + SPACE))
        return self._made[-1]

    def clear(self) -> None:
        """Forget them: what is still looked into lives on by itself."""
        self._made.clear()


def _looked_into(buffer: bytearray) -> bool:
    try:
        buffer.append(buffer.pop())  # Python lets no bytearray change its length that others look into
    except BufferError:
        return True
    return False
