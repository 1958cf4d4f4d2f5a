"""File names: which are logs, which are spool files, and what family a rotated name belongs to."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

LOG_NAMES: Final = (".jsonl", ".json", ".ndjson", ".log")
LOGS: Final = f"{', '.join(f'*{ending}' for ending in LOG_NAMES)}, also rotated and compressed"
"""What is read of a folder, for people."""

_UNPACKED_BY: Final = {".bz2": "bzip2 -dc", ".xz": "xz -dc", ".lz4": "lz4 -dc", ".zip": "unzip -p"}

_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SPOOL: Final = re.compile(rf"({_UUID})(\.sealed)?\.jsonl(?:\.gz|\.zst|\.zstd)?", re.IGNORECASE)

_DAY: Final = r"\d{4}-?\d{2}-?\d{2}"
_TIME: Final = r"[T_.-]?\d{2}(?:[-:_]?\d{2}(?:[-:_]?\d{2}(?:[.,_]\d{1,9})?)?)?Z?"
# What rotation puts after a name: .1, -20261121, .2026-11-21_02, -1795226400, .old, and the endings of compressors.
_SUFFIX: Final = re.compile(
    rf"(?:\.\d{{1,5}}|[._-]{_DAY}(?:{_TIME})?|[.-]\d{{10}}(?:\d{{3}})?|\.old|\.bak|~|\.gz|\.zstd?|\.bz2|\.xz|\.lz4)$",
    re.IGNORECASE,
)
# What rotation puts before the ending: a full time, as lumberjack and loguru do. A day alone is left: files that are
# named by day are rarely renamed, and two of them with the same content are two facts.
_INFIX: Final = re.compile(rf"[._-]{_DAY}[T_.-]\d{{2}}[-:_]?\d{{2}}[-:_]?\d{{2}}(?:[.,_]\d{{1,9}})?Z?(?=\.\w+$)")


def spool_id(name: str) -> str | None:
    """The UUID of a spool file's name, else None."""
    found = _SPOOL.fullmatch(name)
    return found[1].lower() if found else None


def is_sealed(name: str) -> bool:
    """Whether a spool file's name says that its writer is done with it."""
    found = _SPOOL.fullmatch(name)
    return bool(found and (found[2] or not name.lower().endswith(".jsonl")))


def family(name: str) -> str:
    """The name without what rotation and compression add: app.log for app.log.3.gz and app.log-20261121."""
    stem = name
    while (shorter := _SUFFIX.sub("", stem)) != stem and shorter:
        stem = shorter
    return _INFIX.sub("", stem) or name


def is_log(name: str) -> bool:
    """Whether a file found in a folder is taken for a log."""
    return not name.startswith(".") and family(name).lower().endswith(LOG_NAMES)


def unpacking(name: str) -> str | None:
    """The command that reads an archive of another kind, by the ending of its name; None where none is known."""
    command = _UNPACKED_BY.get(PurePath(name).suffix.lower())
    return f"{command} FILE | reckon ingest -" if command else None
