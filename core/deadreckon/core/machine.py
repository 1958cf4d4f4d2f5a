"""What the machine, or the container we are in, has."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_CGROUPS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's bound is told, in cgroups version 2 and 1."""


def memory_bytes(cgroups: tuple[str, ...] = _CGROUPS) -> int | None:
    """The bytes of memory that there are, None where the system does not tell."""
    found = []
    try:
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (OSError, ValueError, AttributeError):
        pass
    for name in cgroups:
        try:
            found.append(int(Path(name).read_text("ascii")))
        except (OSError, ValueError):
            pass  # no container, or `max`
    return min((one for one in found if one > 0), default=None)
