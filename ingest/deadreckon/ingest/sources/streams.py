"""Standard input and named pipes: read once, forward, and kept until they are committed."""

from __future__ import annotations

import fcntl
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deadreckon.core.errors import SourceError
from deadreckon.core.inflate import DamagedError, inflate, kind_of
from deadreckon.core.tail import TAIL_BYTES, digest
from deadreckon.ingest.sources.chunks import Chunk, StoppedError
from deadreckon.ingest.sources.cutting import Manner, Piece
from deadreckon.ingest.sources.sequential import ForwardSource

_PIPE_BYTES: Final = 1 << 20
_PATIENCE_S: Final = 0.2
"""So long is waited for more before what is there is given."""
_LINGER_S: Final = 1.0
"""So long at most is it gathered, from a writer that never pauses."""
_AHEAD: Final = 4
_MAGIC_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class _Given:
    """A chunk that is not durable yet, with the bytes before it and the hash at its end."""

    chunk: Chunk
    before: bytes
    hash: str


class Stream(ForwardSource):
    """Bytes from a descriptor that cannot be read again.

    The chunks that it gave stay in memory until `committed` says that they are durable, so that work thrown away can be
    repeated. A thread reads the descriptor: it may block, and this process must not, neither for its other inputs nor
    when it is to end.
    """

    def __init__(self, fd: int, path: str, manner: Manner) -> None:
        super().__init__(path, manner)
        self._fd = fd
        self._passed = 0
        self._given: deque[_Given] = deque()
        self._arrived: queue.Queue[bytes | Exception] = queue.Queue(_AHEAD)
        self._thread: threading.Thread | None = None
        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        except OSError:
            pass  # not a pipe, or not allowed more: only slower

    @property
    def complete(self) -> bool:
        """Whether the writer closed its end."""
        return self._ended

    @property
    def live(self) -> bool:
        """Whether more may come at any time."""
        return not self._ended

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes read so far; how many will come is not known."""
        return self._passed, 0

    def read(self, offset: int, max_bytes: int) -> Chunk | None:
        """Whole lines; those that were given before and are not committed are given again."""
        for given in self._given:
            if given.chunk.start <= offset < given.chunk.end:
                return _from(given.chunk, offset, max_bytes)
        before = self._tail_at(offset) or b""
        chunk = super().read(offset, max_bytes)
        if chunk is not None:
            self._given.append(_Given(chunk, before, self.tail_hash(chunk.end)))
        return chunk

    def tail_hash(self, end: int) -> str:
        """SHA-256 of the last 64 KiB before `end`; '' where they are neither in hand nor remembered."""
        if end not in self._digests:
            for given in self._given:
                if end == given.chunk.end:
                    return given.hash
                if given.chunk.start < end < given.chunk.end:
                    passed = end - given.chunk.start
                    part = bytes(given.chunk.data[max(0, passed - TAIL_BYTES) : passed])
                    return digest((given.before + part)[-TAIL_BYTES:])
        return super().tail_hash(end)

    def committed(self, end: int) -> None:
        """Forget everything before `end`."""
        while self._given and self._given[0].chunk.end <= end:
            self._given.popleft()

    def close(self) -> None:
        """A stream stays open: closed, it could not be gone on with."""

    def _next(self) -> bytes:
        if self._thread is None:
            self._thread = threading.Thread(target=self._pump, name=f"reading {self.path}", daemon=True)
            self._thread.start()
        try:
            data = self._arrived.get(timeout=_PATIENCE_S)
        except queue.Empty:
            return b""
        if isinstance(data, bytes):
            self._ended = not data
            return data
        self._ended = True
        if isinstance(data, DamagedError):
            self.problem = f"{data}; the lines before it were read"
        elif isinstance(data, OSError):
            self._fail(data)
        else:
            raise data
        return b""

    def _fetch(self, offset: int, size: int) -> Piece | None:
        if not self._slide(offset):
            return None
        until = time.monotonic() + _LINGER_S
        while self._held < size and time.monotonic() < until and not self._manner.stopped() and self._grow():
            pass
        if not self._held and not self._ended and self._manner.stopped():
            raise StoppedError
        return self._window(size)

    def _rewind(self, offset: int) -> None:
        raise SourceError(
            f"{self.path} cannot be read again from byte {offset}: a pipe gives its bytes once",
            hint="write the input to a file and ingest the file",
        )

    def _pump(self) -> None:
        """Hand over the decompressed bytes as they come, then b''; or the error that ended them."""
        try:
            for piece in self._pieces():
                self._arrived.put(piece)
            self._arrived.put(b"")
        except Exception as error:  # noqa: BLE001 - whoever reads the lines has to know
            self._arrived.put(error)

    def _pieces(self) -> Iterator[bytes]:
        head = b""
        while len(head) < _MAGIC_BYTES and (data := self._receive(_PIPE_BYTES)):
            head += data
        kind = kind_of(head)
        if kind is not None:
            waiting = [head]
            yield from inflate(kind, lambda size: waiting.pop() if waiting else self._receive(size))
            return
        while head:
            yield head
            head = self._receive(_PIPE_BYTES)

    def _receive(self, size: int) -> bytes:
        data = os.read(self._fd, size)
        self._passed += len(data)
        return data


def _from(chunk: Chunk, offset: int, max_bytes: int) -> Chunk:
    """The lines of a chunk from an offset on, about so many bytes of them."""
    data = memoryview(chunk.data)[offset - chunk.start :]
    if len(data) <= max(max_bytes, 1):
        return Chunk(offset, data, chunk.end, chunk.oversize)
    whole = bytes(data)
    newline = whole.rfind(b"\n", 0, max(max_bytes, 1))
    if newline < 0:
        newline = whole.find(b"\n")
    return Chunk(offset, data[: newline + 1], offset + newline + 1) if newline >= 0 else Chunk(offset, data, chunk.end)
