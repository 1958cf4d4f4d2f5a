"""Making files survive a power cut: neither delta-rs nor DuckDB nor pyarrow calls fsync for us."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deadreckon.core.errors import LakeError, LockHeldError


def fsync_file(path: Path) -> None:
    """Force a file's content to the disk."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_directory(path: Path) -> None:
    """Force a directory's entries to the disk: a new file's name is lost without it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_all(files: Iterable[Path], *, up_to: Path) -> None:
    """Force files, and every directory from theirs up to `up_to`, to the disk."""
    directories: set[Path] = set()
    for file in files:
        fsync_file(file)
        parent = file.parent
        while parent not in directories:
            directories.add(parent)
            if parent in (up_to, parent.parent):
                break
            parent = parent.parent
    for directory in sorted(directories, reverse=True):
        fsync_directory(directory)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part, even after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)


@contextmanager
def exclusive_lock(path: Path, *, what: str) -> Iterator[None]:
    """Hold an advisory lock file while the block runs; the lock dies with its process.

    The file says who holds it; what a killed process left there means nothing.

    Raises:
        LockHeldError: another process holds it; `what` names the work that it does.
        LakeError: the lock file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LakeError(
            f"cannot lock {path}: {error.strerror or error}", hint="check that the folder can be written"
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 1000, 0).decode("utf-8", "replace").strip() or "another process"
            raise LockHeldError(
                f"{what} is already running on this lake, by {holder} (lock {path})",
                hint="wait for it to end, then run the command again",
            ) from None
        _note(fd, f"process {os.getpid()} on {socket.gethostname()}\n")
        try:
            yield
        finally:
            _note(fd, "")
    finally:
        os.close(fd)


def _note(fd: int, text: str) -> None:
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode(), 0)
    except OSError:
        pass  # a full disk: the note is a courtesy, the lock holds without it
