"""Handing a line to the operating system without letting another thread go first.

`os.write` gives up Python's lock for the call, and a thread that gave it up waits for it again: up to the switch
interval of 5 ms for each thread that computes. A line of a few hundred bytes is in the page cache after a microsecond,
so the lock is kept. Only short blocks come this way: while it is kept, no thread of the process runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable

SHORT = 1 << 14
"""Bytes up to which a block is short: a copy of some microseconds."""

Put = Callable[[int, bytes, int], int]


def _plain(fd: int, block: bytes, _: int) -> int:
    try:
        return os.write(fd, block)
    except OSError:
        return -1


def _find() -> Put:
    try:
        import ctypes

        function = ctypes.PyDLL(None).write
    except Exception:  # noqa: BLE001  # no ctypes, no C library, a kernel or an audit hook that forbids it
        return _plain
    # Argument types would be checked at each call; an int, bytes and a small int are what C takes as they are.
    function.restype = ctypes.c_ssize_t
    return function


# Not at the first line: a thread may fork while another one is in the middle of that import, and the child would wait
# for ever for a module that nobody goes on to import.
put: Put = _find()
"""Write `size` bytes of a block to a descriptor; returns the bytes written, -1 after any error."""
