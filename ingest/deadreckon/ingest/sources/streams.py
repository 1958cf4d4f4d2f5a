"""Standard input and named pipes: read once, forward, and kept until they are committed."""

from __future__ import annotations

import fcntl
import os
import select
from collections import deque
from collections.abc import Iterator
from typing import Final

from deadreckon.core.errors import SourceError
from deadreckon.ingest.sources.cutting import Manner, Piece
from deadreckon.ingest.sources.inflate import DamagedError, inflate, kind_of
from deadreckon.ingest.sources.sequential import ForwardSource

_PIPE_BYTES: Final = 1 << 20
_PATIENCE_S: Final = 0.2
_KEPT_BYTES: Final = 384 << 20
_MAGIC_BYTES: Final = 6


class Stream(ForwardSource):
    """Bytes from a descriptor that cannot be read again.

    What was read stays in memory until `committed` says that it is durable, so that work thrown away can be repeated.
    """

    def __init__(self, fd: int, path: str, manner: Manner) -> None:
        super().__init__(path, manner)
        self._fd = fd
        self._passed = 0
        self._at_end = False
        self._kept: deque[tuple[int, memoryview, bytes]] = deque()
        self._kept_bytes = 0
        self._has_line = False
        self._head: bytes | None = None
        self._pieces: Iterator[bytes] | None = None
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            pass  # not a pipe, or not allowed more: only slower

    @property
    def complete(self) -> bool:
        """Whether the writer closed its end."""
        return self._ended

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes read so far; how many will come is not known."""
        return self._passed, 0

    def committed(self, end: int) -> None:
        """Forget everything before `end`."""
        while self._kept and self._kept[0][0] + len(self._kept[0][1]) <= end:
            self._kept_bytes -= len(self._kept.popleft()[1])

    def close(self) -> None:
        """A stream stays open: closed, it could not be gone on with."""

    def _ready(self, seconds: float) -> bool:
        return bool(select.select([self._fd], [], [], seconds)[0])

    def _receive(self, size: int) -> bytes:
        data = b"" if self._at_end else os.read(self._fd, size)
        self._at_end = not data
        self._passed += len(data)
        return data

    def _start(self) -> bytes:
        """The first bytes, which say whether the stream is compressed."""
        head = b""
        while len(head) < _MAGIC_BYTES and (data := self._receive(_PIPE_BYTES)):
            head += data
        kind = kind_of(head)
        if kind is None:
            return head
        waiting = [head]
        self._pieces = inflate(kind, lambda size: waiting.pop() if waiting else self._receive(size))
        return self._next()

    def _next(self) -> bytes:
        if self._pieces is None and not self._manner.final and not self._ready(_PATIENCE_S):
            return b""
        if self._head is None:
            self._head = b""
            data = self._start()
        elif self._pieces is None:
            data = self._receive(_PIPE_BYTES)
        else:
            try:
                data = next(self._pieces, b"")
            except DamagedError as error:
                data = b""
                self.problem = f"{error}; the lines before it were read"
        self._ended = not data
        return data

    def _fetch(self, offset: int, size: int) -> Piece | None:
        if not self._slide(offset):
            return None
        self._has_line = any(b"\n" in bytes(part) for part in self._parts)
        return super()._fetch(offset, size)

    def _grow(self) -> bool:
        # With a line in hand it is not worth waiting long for more: someone may be typing, or logging slowly.
        if self._has_line and self._pieces is None and not self._at_end and not self._ready(_PATIENCE_S):
            return False
        before = len(self._parts)
        grown = super()._grow()
        self._has_line = self._has_line or any(b"\n" in bytes(part) for part in self._parts[before:])
        return grown

    def _dropped(self, data: memoryview, history: bytes) -> None:
        self._kept.append((self._base - len(data), data, history))
        self._kept_bytes += len(data)
        while self._kept_bytes > _KEPT_BYTES:
            self._kept_bytes -= len(self._kept.popleft()[1])

    def _rewind(self, offset: int) -> None:
        while self._kept and self._base > offset:
            self._base, data, self._history = self._kept.pop()
            self._kept_bytes -= len(data)
            self._parts.insert(0, data)
            self._held += len(data)
        if self._base > offset:
            raise SourceError(
                f"{self.path} cannot be read again from byte {offset}: a pipe gives its bytes once",
                hint="write the input to a file and ingest the file",
            )
