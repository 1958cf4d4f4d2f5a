"""Cutting bytes into whole lines, the same for every kind of input and with no work per line."""

from __future__ import annotations

import errno
import hashlib
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import orjson

from deadreckon.core.tail import TAIL_BYTES, digest
from deadreckon.ingest.sources.buffers import Buffers
from deadreckon.ingest.sources.chunks import HEAD_BYTES, Chunk, Known, Oversize

_STRIDE: Final = 4 << 20
_DIGESTS_KEPT: Final = 1024

Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How inputs are read. `final`: once, not to be followed. `stopped`: whether the run is to end."""

    max_line_bytes: int
    warn: Warn
    final: bool
    stopped: Callable[[], bool] = lambda: False
    buffers: Buffers = field(default_factory=Buffers)


@dataclass(frozen=True, slots=True)
class Piece:
    """`buffer[start:stop]` are the bytes asked for; `eof` when nothing follows them now."""

    buffer: bytes | bytearray
    start: int
    stop: int
    eof: bool
    held: memoryview | None = None
    """Keeps the buffer from being used again."""


class LineSource(ABC):
    """A source that knows how to fetch bytes; this class makes lines, hashes and messages of them."""

    def __init__(self, path: str, manner: Manner) -> None:
        self.id = ""
        self.path = path
        self.problem: str | None = None
        self.vanished = False
        """Whether it was not there when it was asked for."""
        self._refused = False
        self._manner = manner
        self._max_line = manner.max_line_bytes
        self._warned = False
        self._end = 0
        self._tail = b""
        self._digests: OrderedDict[int, str] = OrderedDict({0: digest(b"")})

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether nothing more will ever come."""

    @property
    def live(self) -> bool:
        """Whether more may come while one waits for it: never to a file."""
        return False

    @property
    @abstractmethod
    def progress(self) -> tuple[int, int]:
        """Bytes on disk passed so far, and in all."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    @abstractmethod
    def _fetch(self, offset: int, size: int) -> Piece | None:
        """Up to `size` bytes from `offset` on, fewer only at the end; None when they cannot be had."""

    @abstractmethod
    def _before(self, end: int) -> bytes | None:
        """The last TAIL_BYTES before `end`; None when the input does not reach so far."""

    def _takes_tail(self) -> bool:
        """Whether a last line without newline is a line: it is when nothing more will come."""
        return self.complete

    def committed(self, end: int) -> None:  # noqa: B027 - a file has nothing to forget
        """Everything before `end` is durable."""

    def release(self) -> None:  # noqa: B027 - only spool files are removed
        """Everything read was committed durably."""

    def refuse(self, why: str) -> None:
        """Nothing of this input can be read, and `problem` says why."""
        self.problem = why
        self._refused = True

    def peek(self, offset: int, size: int) -> bytes | None:
        """The bytes at a place, for comparing two inputs; None when they cannot be had."""
        try:
            piece = self._fetch(offset, size)
        except OSError as error:
            self._fail(error)
            return None
        return None if piece is None else bytes(piece.buffer[piece.start : piece.stop])

    def read(self, offset: int, max_bytes: int) -> Chunk | None:
        """Whole lines from `offset` on; None when there is nothing whole to read now."""
        if self._refused:
            return None
        try:
            chunk = self._cut(offset, max(max_bytes, 1))
        except OSError as error:
            self._fail(error)
            chunk = None
        return chunk

    def tail_hash(self, end: int) -> str:
        """SHA-256 of the last 64 KiB before `end`; '' where the input does not reach so far."""
        known = self._digests.get(end)
        if known is None:
            try:
                tail = self._before(end)
            except OSError as error:
                self._fail(error)
                return ""
            if tail is None:
                return ""
            known = self._note(end, tail)
        return known

    def matches(self, known: Known) -> bool:
        """Whether this input continues what the ledger knows of an id; reading may then go on at its end."""
        end = known.end_offset
        try:
            tail = self._tail_at(end)
        except OSError as error:
            self._fail(error)
            return False
        if tail is None or known.tail_hash not in ("", digest(tail)):
            return False
        self._remember(end, tail)
        return True

    def _cut(self, offset: int, size: int) -> Chunk | None:
        piece = self._fetch(offset, size)
        if piece is None or piece.start == piece.stop:
            return None
        buffer, start, stop, limit = piece.buffer, piece.start, piece.stop, self._max_line
        position = start
        # Any line longer than the limit shows as a window of that length without a newline: one look per window.
        while stop - position > limit:
            newline = buffer.rfind(b"\n", position, position + limit + 1)
            if newline < 0:
                return self._oversize(offset) if position == start else self._chunk(offset, piece, position)
            position = newline + 1
        newline = buffer.rfind(b"\n", position, stop)
        cut = newline + 1 if newline >= 0 else position
        if piece.eof and cut < stop:
            return self._chunk(offset, piece, stop if self._is_line(buffer[cut:stop]) else cut)
        if cut == start and not piece.eof:
            return self._long_line(offset)
        return self._chunk(offset, piece, cut)

    def _long_line(self, offset: int) -> Chunk | None:
        """One line that is longer than what was asked for, but perhaps not over the limit."""
        piece = self._fetch(offset, self._max_line + 1)
        if piece is None:
            return None
        newline = piece.buffer.find(b"\n", piece.start, piece.stop)
        if newline >= 0:
            return self._chunk(offset, piece, newline + 1)
        if piece.stop - piece.start > self._max_line:
            return self._oversize(offset)
        whole = piece.eof and self._is_line(piece.buffer[piece.start : piece.stop])
        return self._chunk(offset, piece, piece.stop if whole else piece.start)

    def _chunk(self, offset: int, piece: Piece, cut: int) -> Chunk | None:
        if cut == piece.start:
            return None
        end = offset + cut - piece.start
        tail = bytes(piece.buffer[max(piece.start, cut - TAIL_BYTES) : cut])
        if len(tail) < TAIL_BYTES:
            tail = ((self._tail_at(offset) or b"") + tail)[-TAIL_BYTES:]
        self._remember(end, tail)
        return Chunk(offset, memoryview(piece.buffer)[piece.start : cut], end)

    def _oversize(self, offset: int) -> Chunk | None:
        """Pass over a line in strides, hashing it, so that its length costs no memory."""
        hasher = hashlib.sha256()
        head, tail = b"", self._tail_at(offset) or b""
        position = offset
        while True:
            piece = self._fetch(position, _STRIDE)
            if piece is None:
                return None
            newline = piece.buffer.find(b"\n", piece.start, piece.stop)
            stop = newline if newline >= 0 else piece.stop
            view = memoryview(piece.buffer)
            hasher.update(view[piece.start : stop])
            head += bytes(view[piece.start : min(stop, piece.start + HEAD_BYTES - len(head))])
            passed = stop if newline < 0 else newline + 1
            tail = (tail + bytes(view[max(piece.start, passed - TAIL_BYTES) : passed]))[-TAIL_BYTES:]
            position += passed - piece.start
            if newline >= 0 or piece.eof:
                break
        if newline < 0 and not self._takes_tail():
            self._mention(position - offset)
            return None
        length = position - offset - (newline >= 0)
        self._remember(position, tail)
        return Chunk(offset, b"", position, (Oversize(offset, length, hasher.hexdigest(), head),))

    def _is_line(self, rest: bytes | bytearray) -> bool:
        """Whether the bytes after the last newline may be taken now.

        A whole JSON object is no prefix of a longer one, so taking it is right whatever is appended later.
        """
        if self._takes_tail():
            return True
        if self._manner.final and rest.lstrip().startswith((b"{", b"\xef\xbb\xbf{")):
            try:
                orjson.loads(rest.removeprefix(b"\xef\xbb\xbf"))
            except orjson.JSONDecodeError:
                pass  # not whole yet: said below, read when it is
            else:
                return True
        if rest.strip():
            self._mention(len(rest))
        return False

    def _mention(self, length: int) -> None:
        if self._manner.final and not self._warned:
            self._warned = True
            self._manner.warn(
                f"{self.path}: the last {length} bytes have no newline yet and stay unread until they have one"
            )

    def _fail(self, error: OSError) -> None:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE):
            self.vanished = True
            if not self._warned:
                self._warned = True
                self._manner.warn(f"{self.path} vanished while it was being read; what was committed stays")
            return
        self.problem = f"cannot be read: {error.strerror or error}"

    def _tail_at(self, offset: int) -> bytes | None:
        # An empty tail after the beginning is one that was not kept.
        return self._tail if offset == self._end and (self._tail or not offset) else self._before(offset)

    def _remember(self, end: int, tail: bytes) -> None:
        self._end, self._tail = end, tail
        self._note(end, tail)

    def _note(self, end: int, tail: bytes) -> str:
        found = self._digests[end] = digest(tail)
        while len(self._digests) > _DIGESTS_KEPT:
            self._digests.popitem(last=False)
        return found
