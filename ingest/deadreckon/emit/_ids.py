"""Identifiers: where trace, span and event ids come from, and how a test takes that over."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Protocol

_FIRST_BATCH, _LARGEST_BATCH = 64, 2048


class Ids(Protocol):
    """What `configure(ids=...)` accepts: an object that hands out every identifier emit writes."""

    def event_id(self, now_ns: int) -> str:
        """Return a UUIDv7 string for an event emitted at `now_ns` (nanoseconds since 1970, UTC)."""
        ...

    def trace_id(self) -> str:
        """Return 32 lower-case hex digits, not all zero."""
        ...

    def span_id(self) -> str:
        """Return 16 lower-case hex digits, not all zero."""
        ...


class RandomIds:
    """Trace and span ids from the system's randomness.

    Fetched in batches, and larger ones the more are needed: each fetch is a system call, during which another thread
    takes the interpreter and keeps it for a while.
    """

    __slots__ = ("_batch", "_spans", "_traces")

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget the batches: a forked child must not hand out its parent's ids."""
        self._spans: Callable[[], str] = iter(()).__next__
        self._traces: Callable[[], str] = self._spans
        self._batch = _FIRST_BATCH

    def span_id(self) -> str:
        """Return 16 lower-case hex digits."""
        while True:
            try:
                return self._spans()
            except StopIteration:
                self._spans = self._fetch(16)

    def trace_id(self) -> str:
        """Return 32 lower-case hex digits."""
        while True:
            try:
                return self._traces()
            except StopIteration:
                self._traces = self._fetch(32)

    def _fetch(self, length: int) -> Callable[[], str]:
        digits = os.urandom(length // 2 * self._batch).hex()
        self._batch = min(self._batch * 2, _LARGEST_BATCH)
        batch = [digits[at : at + length] for at in range(0, len(digits), length)]
        # W3C calls an all-zero id invalid.
        return iter([one for one in batch if one != "0" * length]).__next__


class SeededIds:
    """Repeatable ids for tests and generated logs: the same seed and clock give the same ids, in time order.

    Event ids are valid UUIDv7 and increase with every call, also within one millisecond.
    """

    __slots__ = ("_count", "_ms", "_random")

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311  # repeatable on purpose, never used in production
        self._ms = 0
        self._count = 0

    def event_id(self, now_ns: int) -> str:
        """Return the next UUIDv7; a clock that steps back does not make ids step back."""
        ms = now_ns // 1_000_000
        if ms > self._ms:
            self._ms, self._count = ms, 0
        else:
            self._count += 1
        digits = f"{self._ms & 0xFFFFFFFFFFFF:012x}"
        high, low = divmod(self._count, 1 << 14)
        tail = self._random.getrandbits(48)
        return f"{digits[:8]}-{digits[8:]}-7{high & 0xFFF:03x}-{0x8000 | low:04x}-{tail:012x}"

    def trace_id(self) -> str:
        """Return 32 lower-case hex digits."""
        return f"{self._random.getrandbits(128) | 1:032x}"

    def span_id(self) -> str:
        """Return 16 lower-case hex digits."""
        return f"{self._random.getrandbits(64) | 1:016x}"
