"""The end of each spool file: sealed, and rescued first if somebody deleted it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from os import write
from pathlib import Path

from deadreckon.emit._file import SpoolFile
from deadreckon.emit._outage import Outage


class Sealer:
    """Files that are written no more and wait to be sealed."""

    __slots__ = ("_directories", "_in_hand", "_name", "_outage", "_turn", "_waiting")

    def __init__(self, directories: tuple[Path, ...], name: Callable[[], str], outage: Outage) -> None:
        """Prepare.

        Args:
            directories: where a rescued file may go, best first.
            name: makes the name of a file.
            outage: is told of trouble.
        """
        self._directories = directories
        self._name = name
        self._outage = outage
        self._waiting: deque[SpoolFile] = deque()
        self._in_hand: SpoolFile | None = None
        self._turn = threading.RLock()

    @property
    def backlog(self) -> int:
        """How many files are not sealed yet."""
        return len(self._waiting) + (self._in_hand is not None)

    def add(self, file: SpoolFile) -> None:
        """Take a file that nothing is written to any more."""
        self._waiting.append(file)

    def seal_all(self) -> None:
        """Seal what waits. A file that cannot be sealed is let go as it is, and read like a dead writer's."""
        with self._turn:  # so that nobody returns while another thread is still sealing
            while self._waiting:
                file = self._in_hand = self._waiting.popleft()
                try:
                    if file.lost():
                        self._rescue(file)
                    else:
                        size = file.size()
                        file.seal()
                        self._outage.strayed(file.directory, size)
                except OSError as error:
                    self._outage.reason = f"{file.path}: {error.strerror}"
                finally:
                    self._in_hand = None

    def _rescue(self, file: SpoolFile) -> None:
        """Write the content of a deleted file again: the system keeps it as long as the file is open."""
        content = file.content()
        file.close()
        if not content:
            return
        for directory in self._directories:
            try:
                fresh = SpoolFile(directory, self._name())
                try:
                    whole = write(fresh.fd, content) == len(content)
                finally:
                    fresh.end_whole()
                    fresh.seal()
                if whole:
                    self._outage.strayed(directory, len(content))
                    return
            except OSError as error:
                self._outage.reason = f"{directory}: {error.strerror}"
        self._outage.drop(content)

    def abandon(self) -> None:
        """Close the files as they are, as a forked child must with its parent's."""
        for file in (*self._waiting, self._in_hand):
            if file is not None:
                file.close()
