"""The buffered spool: fewer writes, for programs that would rather lose milliseconds of events than wait for each.

A line is taken without a lock: appending to a deque is one step. So no thread waits for another that is writing, and
that is what a program with many threads notices.
"""

from __future__ import annotations

import time
from collections import deque

from deadreckon.emit._spool import Spool

_FULL = 8


class BufferedSpool(Spool):
    """Keeps lines in memory up to a time and a size. A process that is killed loses what it held."""

    def _start(self) -> None:
        super()._start()
        self._lines: deque[bytes] = deque()
        self._held_bytes = 0  # about: threads may miss each other's lines, and then the time is what bounds the buffer
        self._limit = self.settings.buffer_bytes
        self._due = 0.0
        self._expected = False
        self._pouring = False

    def append(self, block: bytes) -> None:
        """Take whole lines; they are written together with others soon."""
        self._lines.append(block)
        held = self._held_bytes = self._held_bytes + len(block)
        if held >= self._limit:
            # One thread writes, the others go on; when the disk is far behind they wait.
            if self._lock.acquire(blocking=held >= self._limit * _FULL):
                try:
                    self._pour()
                finally:
                    self._lock.release()
        elif not self._expected:
            self._expected = True
            self._due = time.monotonic() + self.settings.buffer_ms / 1000
            if not self.keeper.wake():
                with self._lock:
                    self._pour()

    def _pour(self) -> None:
        if self._pouring:  # a signal handler emits while this thread is in here
            return
        self._pouring = True
        try:
            # In this order: a line that comes in between finds nothing expected, and has itself expected.
            self._expected = False
            self._held_bytes = 0
            held = self._lines.copy()
            if held:
                super().append(b"".join(held))
                # Only now: an interrupt before this line writes them twice, which ingest knows by their event_id.
                for _ in held:
                    self._lines.popleft()
        finally:
            self._pouring = False

    def upkeep(self) -> float | None:
        """Write what waited long enough, then do what every spool does."""
        if self._expected and self._due <= time.monotonic():
            with self._lock:
                self._pour()
        wait = super().upkeep()
        if self._expected:
            left = max(self._due - time.monotonic(), 0.0)
            wait = left if wait is None else min(wait, left)
        return wait

    def flush(self) -> bool:
        """Write what is held, then force it to the disk."""
        with self._lock:
            self._pour()
        return super().flush()

    def close(self) -> None:
        """Write what is held, then seal."""
        with self._lock:
            self._pour()
        super().close()
