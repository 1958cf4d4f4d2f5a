"""Compressed files: offsets count decompressed bytes; going on at an offset decompresses up to it."""

from __future__ import annotations

from collections.abc import Iterator

from deadreckon.core.inflate import DamagedError, inflate
from deadreckon.ingest.sources.chunks import Known
from deadreckon.ingest.sources.cutting import Manner, Piece
from deadreckon.ingest.sources.files import OpenFile
from deadreckon.ingest.sources.sequential import ForwardSource


class Archive(ForwardSource):
    """A gzip or zstd file, of any number of members or frames."""

    def __init__(self, file: OpenFile, kind: str, manner: Manner, *, removable: bool = False) -> None:
        super().__init__(str(file.path), manner)
        self.file = file
        self._kind = kind
        self.removable = removable
        self._passed = 0
        self._pieces: Iterator[bytes] | None = None
        self._damage = ""
        self._settled = manner.final
        self._total: int | None = None

    @property
    def complete(self) -> bool:
        """Whether it was found to be intact up to its end; not known before it was read up to there."""
        return self._total is not None and not self._damage

    def matches(self, known: Known) -> bool:
        """As for every source; a place that was passed before needs no second passing."""
        found = self._digests.get(known.end_offset)
        if found is None:
            return super().matches(known)
        if known.tail_hash not in ("", found):
            return False
        self._end, self._tail = known.end_offset, b""
        return True

    def head(self, size: int) -> tuple[bytes, bool]:
        """The first decompressed bytes, and whether nothing follows them."""
        piece = self._fetch(0, size)
        return (b"", True) if piece is None else (bytes(piece.buffer[: piece.stop]), piece.eof)

    def length(self) -> int:
        """Decompressed bytes in all, or up to the damage."""
        while self._total is None and self._slide(self._base + self._held) and self._grow():
            pass
        return self._total or 0

    def ends_at(self, offset: int) -> bool:
        """Whether nothing stands at or after an offset."""
        return self._fetch(offset, 1) is None or self._total == offset

    @property
    def progress(self) -> tuple[int, int]:
        """Compressed bytes passed, and in all."""
        return self._passed, self.file.status.st_size

    def settle(self) -> None:
        """It did not change between two looks, so nobody is writing it: damage is a problem."""
        self._settled = True
        self.problem = self.problem or self._damage or None

    def release(self) -> None:
        """Remove a consumed, compressed spool file."""
        if self.removable and self.complete and self._total == self._end:
            self.file.remove(self.file.status.st_size)

    def close(self) -> None:
        """Let go of the file and of what was decompressed."""
        self.file.close()
        self._pieces = None
        self._reset()

    def _mention(self, length: int) -> None:
        """Only a damaged archive has a last line that is not whole: `problem` says so."""

    def _fetch(self, offset: int, size: int) -> Piece | None:
        return None if self._total is not None and offset >= self._total else super()._fetch(offset, size)

    def _read_compressed(self, size: int) -> bytes:
        data = self.file.read(size, self._passed)
        self._passed += len(data)
        return data

    def _next(self) -> bytes:
        if self._pieces is None:
            self._passed = 0
            self._pieces = inflate(self._kind, self._read_compressed)
        try:
            data = next(self._pieces, b"")
        except DamagedError as error:
            data = b""
            self._damage = f"{error}; the lines before it were read"
            if self._settled:
                self.problem = self._damage
        self._ended = not data
        if self._ended:
            self._total = self._base + self._held
        return data

    def _rewind(self, _offset: int) -> None:
        self._pieces = None
        self._reset()
