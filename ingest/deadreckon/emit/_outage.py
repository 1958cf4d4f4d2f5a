"""What is known about trouble with the disk: where to write now, what was lost, and who has been told."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deadreckon.emit._settings import complain

RETRY_DIRECTORY = 10.0
_RETRY_ALL = 1.0
_COMPLAIN_EVERY = 60.0
_SMALL = 64 * 1024

Notice = Callable[[str, dict[str, Any]], bytes]


class Outage:
    """The state of the two directories, and the count of what neither took."""

    def __init__(self, home: Path, fallback: Path, notice: Notice) -> None:
        """Begin without trouble.

        Args:
            home: the spool.
            fallback: the directory for the time when the spool cannot be written.
            notice: makes the line of an event about the spool, from its name and fields; never raises.
        """
        self.dropped = 0
        self.reason = ""
        self._home = home
        self._fallback = fallback
        self._notice = notice
        self._reported = 0
        self._astray = 0  # bytes in the fallback directory that no event has told of
        self._try_home = self._try_any = 0.0
        self._complained = 0.0
        self._complaint = ""

    def directories(self) -> list[Path]:
        """Return where to try to write now, best first."""
        now = time.monotonic()
        if now < self._try_any:
            return []
        return [self._home, self._fallback] if now >= self._try_home else [self._fallback]

    def try_again(self) -> None:
        """Try everything at the next occasion."""
        self._try_any = self._try_home = 0.0

    def failed(self, directory: Path, reason: str | None) -> None:
        """Note that a directory could not be written."""
        self.reason = f"{directory}: {reason}"
        if directory == self._home:
            self._try_home = time.monotonic() + RETRY_DIRECTORY

    def strayed(self, directory: Path, size: int) -> None:
        """Note that a file of `size` bytes is done, for the case that it is not where files should be."""
        if directory != self._home:
            self._astray += size

    def drop(self, block: bytes) -> None:
        """Count the lines of a block that nothing took."""
        self.dropped += block.count(b"\n")
        now = time.monotonic()
        if now >= self._try_any and len(block) <= _SMALL:
            self._try_any = now + _RETRY_ALL  # a try costs several system calls, too many for every event
        self._try_home = min(self._try_home, self._try_any)
        if not self._complained or now - self._complained > _COMPLAIN_EVERY:
            self._complained = now
            self._complaint = f"cannot write events ({self.reason}); dropping them until it works again"

    @property
    def untold(self) -> bool:
        """Whether something was dropped or went astray that no event has told of."""
        return self.dropped > self._reported or self._astray > 0

    @property
    def unreported(self) -> int:
        """How many dropped lines no event has told of."""
        return self.dropped - self._reported

    def report(self, write: Callable[[bytes], bool], directory: Path) -> None:
        """Tell, by `write` into `directory`, what was dropped, and in the spool where to look for what went astray."""
        count = self.unreported
        if count:
            fields = {"value": count, "unit": "events", "reason": self.reason}
            if not write(self._notice("emit.dropped", fields)):
                return
            self._reported += count
        astray = self._astray
        if astray and directory == self._home:
            fields = {"value": astray, "unit": "bytes", "reason": self.reason, "uri": str(self._fallback)}
            if write(self._notice("emit.fallback", fields)):
                self._astray -= astray

    def complain(self) -> None:
        """Say on stderr, once in a while, that events are being dropped."""
        text, self._complaint = self._complaint, ""
        if text:
            complain(text)
