"""Who an input is: an id from its place and first line, so that rotation and compression do not change it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from deadreckon.ingest.sources.chunks import HEAD_BYTES

_BLANK: Final = b" \t\r\n"


def first_line(head: bytes, *, whole: bool) -> bytes | None:
    """What of the first bytes identifies an input: its first line with content, up to 4 KiB of it.

    None when that line is not finished yet. `whole`: nothing follows `head`, or nothing is waited for.
    """
    line, newline, _ = head.lstrip(_BLANK).partition(b"\n")
    if newline or whole or len(head) >= HEAD_BYTES:
        return line.rstrip(_BLANK)
    return None


def file_id(directory: str, family: str, line: bytes) -> str:
    """The id of a log: its folder, its name without rotation's additions, and its first line."""
    place = f"{directory}\0{family}\0".encode("utf-8", "surrogateescape")
    return "log-" + hashlib.sha256(place + line).hexdigest()[:32]


def chain(first: str) -> Iterator[str]:
    """The ids, in order, of inputs that share their first: copytruncate's next file, a twin with the same first line.

    The ids depend on nothing but their order, so that competing ingesters agree, and so that a file keeps its id when
    it moves to another inode (compressed, copied, restored): which of them an input is, its content decides.
    """
    yield first
    previous = first
    while True:
        previous = f"{first.partition('+')[0]}+{hashlib.sha256(previous.encode()).hexdigest()[:12]}"
        yield previous
