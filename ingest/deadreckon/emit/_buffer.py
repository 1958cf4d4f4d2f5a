"""The buffered spool: fewer writes, for programs that would rather lose milliseconds of events than wait for each."""

from __future__ import annotations

import time

from deadreckon.emit._spool import Spool


class BufferedSpool(Spool):
    """Keeps lines in memory up to a time and a size. A process that is killed loses what it held."""

    def _start(self) -> None:
        super()._start()
        self._lines: list[bytes] = []
        self._held_bytes = 0
        self._due = 0.0
        self._pouring = False

    def append(self, block: bytes) -> None:
        """Take whole lines; they are written together with others soon."""
        with self._lock:
            first = not self._lines
            self._lines.append(block)
            self._held_bytes += len(block)
            if self._pouring:  # a signal handler emits while this thread is in here
                return
            self._pouring = True
            try:
                if self._held_bytes >= self.settings.buffer_bytes:
                    self._pour()
                elif first:
                    self._due = time.monotonic() + self.settings.buffer_ms / 1000
                    if not self.keeper.wake():
                        self._pour()
            finally:
                self._pouring = False

    def _pour(self) -> None:
        lines, self._lines, self._held_bytes = self._lines, [], 0
        if lines:
            super().append(b"".join(lines))

    def upkeep(self) -> float | None:
        """Write what waited long enough, then do what every spool does."""
        with self._lock:
            left = self._due - time.monotonic()
            if left <= 0:
                self._pour()
        wait = super().upkeep()
        with self._lock:
            if self._lines:
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
