"""Data files between being written and being committed, and who may do what with them meanwhile.

A committer proves that its files are there, makes them young and commits them, all under a shared lock. Vacuum removes
a file that no commit names under the exclusive lock of the same name, one file at a time, and only if it is still as
old as when it was listed. So whichever of the two is stopped between its steps, and for however long, the other one
sees it: no file is committed that is gone, and none is removed that is about to be committed. Neither waits for the
other: vacuum leaves what it may not remove for its next run, and holds its lock for two calls of the file system.

On a file system without locks the age is all that protects: then a file is lost if vacuum is stopped between looking
at its age and removing it, and a committer that was stopped for `vacuum_hours` goes on in just that moment.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deadreckon.core.errors import CommitConflictError, LakeError


def lock_of(table: Path) -> Path:
    """The lock file of a table's commits, in the lake that the table is in."""
    return table.parent / "_locks" / f"{table.name}-commit.lock"


@contextmanager
def committing(table: Path, files: Mapping[Path, int]) -> Iterator[None]:
    """Keep these files (with their sizes in bytes) from vacuum while the block commits them.

    Raises:
        CommitConflictError: one is gone, as it waited for too long to be committed.
        LakeError: one is not as long as it was.
    """
    with _locked(table, fcntl.LOCK_SH):
        for path, size in files.items():
            try:
                _make_young(path)
                found = path.stat().st_size
            except FileNotFoundError:
                raise gone(path) from None
            if found != size:
                raise LakeError(
                    f"{path} has {found} bytes, and had {size} when it was written",
                    hint="nothing was committed: check the disk, then run the same command again",
                )
        yield


def gone(path: Path) -> CommitConflictError:
    """The error for a file that was removed before it was committed."""
    return CommitConflictError(
        f"{path} is gone: its commit was held up for longer than vacuum waits",
        hint="prepare the files again; keep maintain.vacuum_hours above any such pause",
    )


def remove_abandoned(table: Path, path: Path, modified_ns: int) -> bool:
    """Remove a file that no commit names, last changed at `modified_ns`; False if it is wanted, or gone already."""
    with _locked(table, fcntl.LOCK_EX | fcntl.LOCK_NB) as free:
        if not free:
            return False
        try:
            if path.stat().st_mtime_ns != modified_ns:
                return False
            path.unlink()
        except FileNotFoundError:
            return False
    return True


def _make_young(path: Path) -> None:
    try:
        os.utime(path)
    except PermissionError:
        pass  # a file of another user, which a repair puts back: vacuum does not run beside repairs


@contextmanager
def _locked(table: Path, how: int) -> Iterator[bool]:
    """Whether the lock was had; where there can be no locks nobody holds one, and it counts as had."""
    fd = None
    try:
        try:
            lock = lock_of(table)
            lock.parent.mkdir(exist_ok=True)
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(fd, how)
            free = True
        except BlockingIOError:
            free = False
        except OSError:
            free = True
        yield free
    finally:
        if fd is not None:
            os.close(fd)
