"""One spool file: created under a lock, appended to, sealed."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

_CHUNK = 1 << 16


class SpoolFile:
    """A file that this process is writing.

    The lock is held from before the file has its name until after it is sealed. A reader that gets the lock on an
    unsealed file therefore knows that its writer is dead.
    """

    __slots__ = ("_inode", "_unnamed", "directory", "fd", "path")

    def __init__(self, directory: Path, name: str) -> None:
        """Create and lock the file.

        Raises:
            OSError: the directory cannot be made, written to or locked in.
        """
        self._unnamed = (directory, *make_directory(directory))
        self.directory = directory
        self.path = directory / f"{name}.jsonl"
        # It gets its name when it is locked: between creation and lock a reader would take it for a dead writer's.
        hidden = directory / f".{name}.new"
        self.fd = os.open(hidden, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(self.path)
            self._inode = os.fstat(self.fd).st_ino
        except OSError:
            os.close(self.fd)
            hidden.unlink()
            raise

    def _status(self) -> os.stat_result:
        """Return the file's status, having made sure that it is still this file.

        Daemons close every descriptor they do not know. The number may then belong to something of theirs, which must
        not be cut, closed or waited for in place of the file.

        Raises:
            OSError: the descriptor is not this file's any more.
        """
        status = os.fstat(self.fd)
        if status.st_ino != self._inode:
            self.fd = -1
            raise OSError(errno.EBADF, "descriptor closed by somebody else")
        return status

    def size(self) -> int:
        """Return the bytes in the file."""
        return self._status().st_size

    def lost(self) -> bool:
        """Tell whether what is written goes nowhere, because the file was deleted under us.

        Raises:
            OSError: the descriptor is not this file's any more.
        """
        return self._status().st_nlink == 0

    def content(self) -> bytes:
        """Return what was written, also when the file has no name any more."""
        self._status()
        parts = []
        at = 0
        while part := os.pread(self.fd, _CHUNK, at):
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def end_whole(self) -> None:
        """Cut off a torn last line. No reader has consumed it, since none goes past the last newline."""
        end = size = self.size()
        while end:
            start = max(end - _CHUNK, 0)
            newline = os.pread(self.fd, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self.fd, end)

    def sync(self) -> None:
        """Force the content to the disk, and with the first time the file's name and those of folders made for it."""
        self._status()
        os.fsync(self.fd)
        for directory in self._unnamed:
            sync_directory(directory)
        self._unnamed = ()

    def seal(self) -> None:
        """Force the content to the disk, give the file its sealed name, unlock it. An empty file is removed.

        Raises:
            OSError: the data could not be forced to the disk or the name not changed. The file is closed and unlocked
                nevertheless, and is complete as far as the system kept it: a reader treats it like a dead writer's.
        """
        try:
            if self.size() == 0:
                self.path.unlink()
                return
            os.fsync(self.fd)
            self.path.rename(self.path.with_suffix(".sealed.jsonl"))
            for directory in self._unnamed or (self.directory,):
                sync_directory(directory)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file as it is. In a forked child this leaves the parent's lock in place."""
        try:
            self._status()
        except OSError:
            return  # closed by somebody else
        fd, self.fd = self.fd, -1
        os.close(fd)


def make_directory(directory: Path, mode: int = 0o777) -> tuple[Path, ...]:
    """Make a directory and those above it; return the ones whose entries are new, and not on the disk yet.

    Raises:
        OSError: it cannot be made.
    """
    changed = []
    missing = directory
    while not missing.exists() and missing != missing.parent:  # a working directory that is gone has no root above it
        missing = missing.parent
        changed.append(missing)
    directory.mkdir(mode=mode, parents=True, exist_ok=True)
    return tuple(changed)


def sync_directory(directory: Path) -> None:
    """Force the directory's entries to the disk, so that the name survives a power cut too."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_private(directory: Path) -> None:
    """Make a directory that nobody else can have prepared, as a shared temporary directory allows.

    Raises:
        OSError: it exists and is a link, another user's, or open to others.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if status.st_mode & 0o170077 != 0o040000 or status.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "exists and is not this user's alone", str(directory))
