"""Plain files: read by position, and watched for being truncated or replaced under the reader."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from deadreckon.core.tail import TAIL_BYTES
from deadreckon.ingest.sources import names
from deadreckon.ingest.sources.cutting import LineSource, Manner, Piece

_GUARD: Final = 256
_EMPTY_SPOOL_AGE_S: Final = 3600.0


class OpenFile:
    """A file found at a path, opened when needed; a file renamed meanwhile is found again by its inode."""

    def __init__(self, path: Path, status: os.stat_result) -> None:
        self.path = path
        self.status = status
        self._fd = -1

    @property
    def inode(self) -> tuple[int, int]:
        """The file itself, whatever its name."""
        return self.status.st_dev, self.status.st_ino

    @property
    def fd(self) -> int:
        """The descriptor.

        Raises:
            FileNotFoundError: this very file (not another of its name) is gone from its folder.
        """
        if self._fd < 0:
            self._fd = self._open()
        return self._fd

    def _open(self) -> int:
        # Without O_NONBLOCK, a pipe that took the file's place would hang us.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        # A folder that is changed while it is listed may leave out the very name that is looked for.
        for candidate in (self.path, self._renamed, self._renamed):
            path = candidate() if callable(candidate) else candidate
            if path is None:
                continue
            try:
                fd = os.open(path, flags)
            except FileNotFoundError:
                continue
            if self._same(os.fstat(fd)):
                self.path = path
                return fd
            os.close(fd)
        raise FileNotFoundError(2, "gone, or another file has its name", str(self.path))

    def _same(self, status: os.stat_result) -> bool:
        return (status.st_dev, status.st_ino) == (self.status.st_dev, self.status.st_ino)

    def _renamed(self) -> Path | None:
        try:
            with os.scandir(self.path.parent) as entries:
                return next((Path(e.path) for e in entries if e.inode() == self.status.st_ino), None)
        except FileNotFoundError:
            return None

    def read(self, size: int, offset: int) -> bytes:
        """Bytes at an offset; fewer at the end."""
        return os.pread(self.fd, size, offset)

    def read_into(self, view: memoryview, offset: int) -> int:
        """Fill a buffer with the bytes at an offset; how many, fewer at the end."""
        return os.preadv(self.fd, [view], offset)

    def size(self) -> int:
        """How long it is now."""
        return os.fstat(self.fd).st_size

    def remove(self, size: int) -> None:
        """Unlink it if its path still names this file and it has this size."""
        try:
            now = self.path.stat(follow_symlinks=False)
            if self._same(now) and now.st_size == size:
                self.path.unlink()
        except FileNotFoundError:
            pass  # someone else removed it, which is what we want

    def close(self) -> None:
        """Let go of the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class PlainFile(LineSource):
    """A file of text lines. Its incomplete last line waits for its rest."""

    def __init__(self, file: OpenFile, manner: Manner) -> None:
        super().__init__(str(file.path), manner)
        self.file = file

    @property
    def complete(self) -> bool:
        """Never: anyone may append to a plain file."""
        return False

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes passed, and the size when it was found."""
        return self._end, self.file.status.st_size

    @property
    def size(self) -> int:
        """Bytes when it was found."""
        return self.file.status.st_size

    def close(self) -> None:
        """Let go of the file."""
        self.file.close()

    def committed(self, end: int) -> None:
        """Forget what stood before the end: of very many small files this would be all they hold."""
        if end == self._end:
            self._tail = b""

    def _fetch(self, offset: int, size: int) -> Piece | None:
        length = self.file.size()
        if length <= offset:
            return None
        # A little of what was read before is read again: if it changed, the file was truncated and grew anew, and what
        # stands here now is the middle of other lines. The next look at the file gives it another identity.
        guard = min(_GUARD, offset // 8 * 8) if offset == self._end else 0
        guard = min(guard, len(self._tail) // 8 * 8)
        want = min(size, length - offset) + guard
        buffer = self._manner.buffers.take(want)
        held = memoryview(buffer)
        got = self.file.read_into(held[:want], offset - guard)
        if guard and buffer[:guard] != self._tail[-guard:]:
            return None
        if got <= guard or self.file.size() < offset - guard + got:
            return None  # truncated while it was being read
        return Piece(buffer, guard, got, offset + got - guard >= length, held)

    def _before(self, end: int) -> bytes | None:
        want = min(TAIL_BYTES, end)
        tail = self.file.read(want, end - want)
        return tail if len(tail) == want else None


class SpoolFile(PlainFile):
    """A file that an emitter writes: whole when it is sealed or when its writer no longer holds its lock."""

    def __init__(self, file: OpenFile, manner: Manner) -> None:
        super().__init__(file, manner)
        self._complete = names.is_sealed(file.path.name) or self._writer_is_dead()

    @property
    def complete(self) -> bool:
        """Whether it is sealed, or its writer dead when it was found."""
        return self._complete

    def release(self) -> None:
        """Remove the file, if nothing more can come and all of it was read."""
        if self._complete:
            self.file.remove(self._end)

    def _writer_is_dead(self) -> bool:
        status = self.file.status
        if status.st_size == 0 and time.time() - status.st_mtime < _EMPTY_SPOOL_AGE_S:
            return False  # a foreign writer may be between creating and locking its file
        try:
            # A shared lock: two ingesters that ask at once must not take each other for the writer.
            fcntl.flock(self.file.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False  # locked, gone, or a file system without locks: its last line waits
        fcntl.flock(self.file.fd, fcntl.LOCK_UN)
        return True
