"""What guards keep on disk: JSON files that are whole or absent, and locks that die with their process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from deadreckon.emit._emitter import EMITTER
from deadreckon.emit._file import make_directory, sync_directory

_VERSION = 1
_MAX_PAUSE = 0.1


class CorruptError(ValueError):
    """A file does not hold what was written into it."""


def folder(name: str) -> Path:
    """Return a folder below the configured `state`, made if it is not there, for this user alone.

    Raises:
        OSError: it cannot be made.
    """
    path = EMITTER.settings.state / name
    for changed in make_directory(path, 0o700):
        sync_directory(changed)
    return path


def write(path: Path, body: Mapping[str, Any]) -> None:
    """Put `body` into a file: a reader sees the old content or the new one, also after a power cut.

    Raises:
        OSError: it cannot be written; the old content stays.
        TypeError: JSON cannot hold it.
    """
    text = orjson.dumps(body)
    data = orjson.dumps({"version": _VERSION, "sha256": _digest(text), "body": orjson.Fragment(text)})
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(fd, left) :]
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def read(path: Path) -> dict[str, Any] | None:
    """Return what a file holds, None where there is none.

    Raises:
        CorruptError: it is damaged.
        OSError: it cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        envelope = orjson.loads(data)
        body = envelope["body"]
        whole = isinstance(body, dict) and envelope["sha256"] == _digest(orjson.dumps(body))
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise CorruptError(f"{path} is damaged")
    return dict(body)


def remove(path: Path) -> None:
    """Remove a file, for good.

    Raises:
        OSError: it cannot be removed.
    """
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


class Lock:
    """The right to work on one file, among threads and processes. It ends with its process, however that ends."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}.lock")
        self._fd = -1

    def take(self) -> bool:
        """Return whether it is ours now; False while somebody else has it.

        Raises:
            OSError: the lock file cannot be made.
        """
        while True:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                named = self._path.stat().st_ino
            except BlockingIOError:
                os.close(fd)
                return False
            except FileNotFoundError:
                named = -1
            except BaseException:  # a file system without locks; an interrupt
                os.close(fd)
                raise
            if named == os.fstat(fd).st_ino:  # else its last owner removed it between our open and our lock
                self._fd = fd
                _HELD.add(fd)
                return True
            os.close(fd)

    def release(self) -> None:
        """Give it back."""
        fd, self._fd = self._fd, -1
        if fd in _HELD:
            _HELD.discard(fd)
            try:
                self._path.unlink(missing_ok=True)
            except OSError:
                pass  # a disk that became read-only: the file alone locks nothing
            finally:
                os.close(fd)

    def __del__(self) -> None:
        """Give it back when an interrupt came before the block that does so."""
        if self._fd >= 0:
            self.release()


def pauses(longest: float) -> Iterator[float]:
    """Yield the seconds to wait between attempts, until `longest` seconds are over."""
    end = time.monotonic() + longest
    pause = 0.001
    while (left := end - time.monotonic()) > 0:
        yield min(pause, left)
        pause = min(pause * 2, _MAX_PAUSE)


_HELD: set[int] = set()


def _let_go() -> None:
    # A forked child holds the descriptors too, and would keep the locks of a parent that is killed.
    for fd in _HELD:
        os.close(fd)
    _HELD.clear()


os.register_at_fork(after_in_child=_let_go)


def _digest(text: bytes) -> str:
    import hashlib  # OpenSSL takes milliseconds to load

    return hashlib.sha256(text).hexdigest()
