"""What a source gives: chunks of whole lines, with their place in the decompressed input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Oversize:
    """A line longer than the limit: where it is and what it was, without the line itself.

    `length` and `sha256` are those of the line without its newline; `head` is its first 4 KiB.
    """

    offset: int
    length: int
    sha256: str
    head: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole lines from `start` on; `end` is the first byte not covered.

    Every line of `data` ends in a newline, except the very last line of a complete input. A line over the limit is
    never in `data`: it is a chunk of its own, with empty data and one entry in `oversize`.
    """

    start: int
    data: bytes | memoryview
    end: int
    oversize: tuple[Oversize, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of a source id: the first byte not consumed, and `Source.tail_hash` there ('': unknown)."""

    end_offset: int
    tail_hash: str


class StoppedError(Exception):
    """Waiting for an input to go on was given up, because the whole run is to end. Nothing was taken from it."""


class Source(Protocol):
    """One input. Offsets count decompressed bytes. Used by one thread at a time."""

    @property
    def id(self) -> str:
        """Stable identity: it outlives rename rotation, later compression, and truncation by copytruncate."""

    @property
    def path(self) -> str:
        """Where it was found, for people."""

    @property
    def complete(self) -> bool:
        """Whether nothing more will ever come: sealed spool, dead writer's spool, intact archive, stdin at its end."""

    @property
    def live(self) -> bool:
        """Whether more may come while one waits for it: a pipe whose writer holds it open."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the input, for people: truncated gzip, UTF-16, unreadable; None when nothing is."""

    @property
    def progress(self) -> tuple[int, int]:
        """Bytes on disk passed so far, and bytes on disk in all (0: not known), for a progress bar."""

    def read(self, offset: int, max_bytes: int) -> Chunk | None:
        """Whole lines from `offset` on, about `max_bytes` of them; None when there is nothing whole to read now.

        Raises:
            StoppedError: a pipe paused in the middle of a line, and the run is to end.
        """

    def tail_hash(self, end: int) -> str:
        """SHA-256 of the last 64 KiB before `end`; '' where the input does not reach so far."""

    def matches(self, known: Known) -> bool:
        """Whether this input continues what the ledger knows: it is as long, and the bytes before are the same."""

    def committed(self, end: int) -> None:
        """Everything before `end` is durable and will not be read again: a pipe forgets it."""

    def release(self) -> None:
        """Everything read was committed durably: a consumed, complete spool file is removed; else a no-op."""

    def close(self) -> None:
        """Let go of the file. Reading again opens it again."""
