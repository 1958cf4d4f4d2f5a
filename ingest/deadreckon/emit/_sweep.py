"""Results that expired are removed, so that what guards keep does not grow without end.

Once a day, by a process that stores a result of the same function; with its own `expires`, so what goes is what the
next call would not have used. Each file goes under its key's lock, after another look at it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deadreckon.emit._store import CorruptError, Lock, read

_DAY = 86_400.0


def has_expired(known: Mapping[str, Any], expires: float | None) -> bool:
    """Tell whether a completed call may be made again."""
    # After a clock that was set back the age is negative: not expired, so nothing is made twice.
    return expires is not None and time.time() - known["at"] > expires


def sweep_daily(folder: Path, name: str, expires: float) -> None:
    """Have the expired results of one function removed, unless somebody did so within a day.

    In a thread of its own, since a folder may hold a hundred thousand: an event loop is not to wait for that.
    """
    import hashlib

    marker = folder / f".{hashlib.sha256(name.encode()).hexdigest()[:32]}.swept"
    try:
        try:
            due = abs(time.time() - marker.stat().st_mtime) > _DAY
        except FileNotFoundError:  # the first result of this function: there is nothing to sweep yet
            due = False
            marker.touch(0o600)
        if due:
            marker.touch()  # first, so that of many processes one begins
            threading.Thread(target=sweep, args=(folder, name, expires), name="deadreckon-sweep").start()
    except (OSError, RuntimeError):
        return  # a disk that takes no marker, a process that ends: another time


def sweep(folder: Path, name: str, expires: float) -> int:
    """Remove the expired results of one function, and what killed processes left half done; return how many files."""
    now, gone = time.time(), 0
    with os.scandir(folder) as found:
        for one in found:
            path = Path(one.path)
            try:
                age = now - one.stat().st_mtime
                if one.name.startswith("."):
                    gone += age > _DAY and ".json." in one.name and _removed(path)
                elif path.suffix == ".json":
                    gone += age > expires and _is_over(path, name, expires) and _taken_out(path, name, expires)
                elif path.suffix == ".lock" and age > _DAY:
                    Lock(path.with_suffix("")).take()  # and given back at once, by which its file goes
            except (OSError, CorruptError):
                continue  # gone meanwhile, or for the next call to complain of
    return gone


def _is_over(path: Path, name: str, expires: float) -> bool:
    known = read(path)
    return known is not None and known["state"] == "done" and known["name"] == name and has_expired(known, expires)


def _taken_out(path: Path, name: str, expires: float) -> bool:
    lock = Lock(path)
    if not lock.take():  # the call is being made again
        return False
    try:
        return _is_over(path, name, expires) and _removed(path)
    finally:
        lock.release()


def _removed(path: Path) -> bool:
    path.unlink()
    return True
