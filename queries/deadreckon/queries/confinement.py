"""What the kernel keeps the sandbox's process from: writing, running programs, the network, and too much memory.

Nothing here is needed for the sandbox to be read-only: the gate and the locked connection see to that. This is the wall
that still stands if both are wrong. Where a system does not have a part of it, that part is left out.
"""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from pathlib import Path
from typing import Final

ROOM_BYTES: Final = 768 << 20
"""Address space beside the memory limit: for results on their way out and for what DuckDB does not count."""
THREAD_BYTES: Final = 16 << 20
"""Address space for the stack of each thread."""

# Landlock (Linux 5.13 and later): numbers of its calls, the same on every architecture, and its rights by ABI version.
_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_NO_NEW_PRIVILEGES: Final = 38
_EXECUTE, _WRITE, _REMOVE_AND_MAKE, _REFER, _TRUNCATE = 1, 1 << 1, 0x1FF0, 1 << 13, 1 << 14
_BIND_AND_CONNECT_TCP: Final = 0b11


def forbid_writing() -> bool:
    """Let this thread, and every thread made from now on, open no file for writing, run nothing and connect nowhere.

    Returns whether the kernel took it on. It cannot be undone.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_ASK_VERSION))
    if version < 1:
        return False
    files = _EXECUTE | _WRITE | _REMOVE_AND_MAKE
    files |= _REFER if version >= 2 else 0
    files |= _TRUNCATE if version >= 3 else 0
    handled = (ctypes.c_uint64 * 2)(files, _BIND_AND_CONNECT_TCP)
    size = ctypes.c_size_t(16 if version >= 4 else 8)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(handled), size, ctypes.c_uint(0))
    if ruleset < 0:
        return False
    try:
        if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
            return False
        # No rule is added: what is handled is allowed nowhere.
        return int(libc.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))) == 0
    finally:
        os.close(ruleset)


def bound_memory(allowed: int, threads: int) -> None:
    """Let the kernel refuse memory beyond what is allowed (in bytes), bytes in files, and core dumps.

    Limits only ever fall: a later call cannot raise them.
    """
    statm = Path("/proc/self/statm")
    pages = int(statm.read_text("ascii").split()[0]) if statm.exists() else 0
    space = pages * resource.getpagesize() + allowed + ROOM_BYTES + threads * THREAD_BYTES
    for limit, most in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, space)):
        hard = resource.getrlimit(limit)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(limit, (least, least))
        except (ValueError, OSError):
            pass  # some systems know the limit and do not keep it; the other walls stand
