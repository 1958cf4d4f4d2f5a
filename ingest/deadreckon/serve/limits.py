"""How much a receiver takes at once, so that no sender can fill its memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

MOST_PARTS: Final = 1_000_000
"""Records of a request, or messages in a protobuf body, at most: each costs some hundred bytes to read, and may be
sent in two."""


class OverloadedError(Exception):
    """There is too much at hand already: the sender should come again."""


class TooLargeError(Exception):
    """One request is larger than any may be."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a receiver; sizes in bytes, times in seconds."""

    body: int = 20 << 20
    """A request's body, as sent and as unpacked."""
    memory: int = 256 << 20
    """Bodies and lines of all requests at hand together."""
    line: int = 8 << 20
    """One line of the spool: what ingest takes (`ingest.max_line_bytes`)."""
    connections: int = 1000
    """Connections at a time; more are answered that it is too much."""
    request_seconds: float = 30.0
    """For a request's head to arrive, counted from its first byte or from the connection's begin, and for its body."""
    idle_seconds: float = 75.0
    """That a connection stays open between two requests."""
    stop_seconds: float = 20.0
    """For requests at hand to be answered when the receiver is told to stop."""


class Memory:
    """Counts what is held, over all requests."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0

    def share(self) -> Share:
        """A part for one request; use it as a context manager, which gives it back."""
        return Share(self)


class Share:
    """What one request holds."""

    __slots__ = ("_held", "_memory")

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.held -= self._held
        self._held = 0

    def add(self, size: int) -> None:
        """Hold so many bytes more.

        Raises:
            TooLargeError: it would be too much for this request alone.
            OverloadedError: all requests together would hold too much.
        """
        if self._held + size > self._memory.limit:
            raise TooLargeError(
                f"the request takes {self._held + size} bytes to receive, and --max-memory is {self._memory.limit}"
            )
        if self._memory.held + size > self._memory.limit:
            raise OverloadedError(f"{self._memory.held} bytes of other requests are being written")
        self._memory.held += size
        self._held += size
