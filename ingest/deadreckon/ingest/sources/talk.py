"""What a reader is told about inputs: each thing once, and many of one kind together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deadreckon.core.words import counted
from deadreckon.ingest.sources import names
from deadreckon.ingest.sources.cutting import Warn
from deadreckon.ingest.sources.resolve import Seekable

_NAMED: Final = 5


class Talk:
    """Says each message once; `skip` is told of files in folders that are not read, until `skipped` names them."""

    def __init__(self, warn: Warn) -> None:
        self._warn = warn
        self._said: set[str] = set()
        self._passed: set[Path] | None = set()

    def say(self, message: str) -> None:
        """Say this, unless it was said before."""
        if message not in self._said:
            self._said.add(message)
            self._warn(message)

    def skip(self, path: Path) -> None:
        """This file has no name of a log."""
        if self._passed is not None:
            self._passed.add(path)

    def skipped(self, found: set[Path]) -> None:
        """Name what was skipped and is not among what was found under another name; only the first time."""
        passed = sorted((self._passed or set()) - found, key=lambda path: (len(path.parts), path))
        self._passed = None  # those who follow a folder need not hear of every file that comes
        if passed:
            what = f"{counted(len(passed), 'file')} skipped: {_listed(passed)}"
            self.say(f"{what} (not logs, which are {names.LOGS}; name a file to read it all the same)")

    def refused(self, new: Sequence[Seekable]) -> None:
        """Say each reason for which inputs cannot be read once, not for each of them."""
        reasons: dict[str, list[Path]] = {}
        for source in new:
            if source.problem:
                reasons.setdefault(source.problem, []).append(source.file.path)
        for why, paths in reasons.items():
            shown = _listed(sorted(paths))
            self.say(f"{len(paths):,} inputs ({shown}): each {why}" if paths[1:] else f"{shown}: {why}")


def _listed(paths: Sequence[Path]) -> str:
    more = [f"{len(paths) - _NAMED} more"] if len(paths) > _NAMED else []
    return ", ".join([*(path.name for path in paths[:_NAMED]), *more])
