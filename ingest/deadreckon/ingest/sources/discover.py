"""From paths to sources, once or again and again."""

from __future__ import annotations

import os
import stat
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from deadreckon.core import inflate
from deadreckon.ingest.sources import identity, names
from deadreckon.ingest.sources.archives import Archive
from deadreckon.ingest.sources.chunks import HEAD_BYTES, Known, Source
from deadreckon.ingest.sources.cutting import Manner, Warn
from deadreckon.ingest.sources.files import OpenFile, PlainFile, SpoolFile
from deadreckon.ingest.sources.memory import Memory, Remembered, may_have
from deadreckon.ingest.sources.places import Inode, Place, places, siblings
from deadreckon.ingest.sources.refusal import refusal
from deadreckon.ingest.sources.resolve import Candidate, Compared, Seekable, resolve
from deadreckon.ingest.sources.streams import Stream
from deadreckon.ingest.sources.talk import Talk

STDIN: Final = "-"
_ARCHIVES_OPEN: Final = 16


def discover(
    paths: Sequence[str | Path],
    known: Mapping[str, Known],
    *,
    max_line_bytes: int,
    warn: Warn,
    final: bool = True,
) -> list[Source]:
    """The inputs that these paths stand for, oldest first, each with its id.

    `final`: the inputs are read once and not followed; then a last line without newline is taken where it is a whole
    JSON object, and is mentioned where it is not.

    Raises:
        SourceError: a path names nothing, or nothing that may be read.
    """
    return Watcher(paths, max_line_bytes=max_line_bytes, warn=warn, final=final).discover(known)


def check(paths: Sequence[str | Path]) -> bool:
    """Make sure that each of these inputs is there, without reading any; whether they hold anything to be read.

    Raises:
        SourceError: a path names nothing, or nothing that may be read.
    """
    found = False
    for named in paths:
        any_there = str(named) == STDIN or next(places(str(named), lambda _message: None, wait=False), None)
        found = found or bool(any_there)
    return found


class Watcher:
    """Looks again and again: keeps pipes open, archives where they are, and is quick about what is unchanged.

    After a commit conflict, discover again: the ids may have gone to other inputs.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        *,
        max_line_bytes: int,
        warn: Warn,
        final: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._paths = [str(path) for path in paths]
        self._talk = Talk(warn)
        self._say = self._talk.say
        self._final = final
        self._manner = Manner(max_line_bytes, self._say, final, stopped)
        self._streams: dict[str, Stream] = {}
        self._memory = Memory()
        self._compared = Compared()
        self._before: dict[Path, set[str]] = {}
        self._looked = False
        self._only_streams = False

    @property
    def over(self) -> bool:
        """Whether nothing more can come: all inputs are pipes, and each has ended."""
        return self._only_streams and not any(stream.live for stream in self._streams.values())

    def discover(self, known: Mapping[str, Known]) -> list[Source]:
        """The inputs that may have something to read; from the second look on without those that cannot have."""
        self._manner.buffers.clear()  # while one waits for more they are of no use
        found, rotated = self._places()
        self._memory.forget_all_but([*found, *rotated])
        self._compared.next_look()
        looked = self._look_into([*found, *rotated], known)
        for place, candidate in looked:
            candidate.rotated = candidate.base in rotated.get(place, ())
        chosen = resolve([candidate for _, candidate in looked], known, self._compared)
        self._memory.note_rest(looked, chosen, known)
        self._let_go([candidate for _, candidate in looked])
        first, self._looked = not self._looked, True
        self._talk.refused([c.source for c in chosen if c.source.id not in known])
        chosen.sort(key=lambda c: (c.source.file.status.st_mtime_ns, c.source.path))
        sources: list[Source] = [c.source for c in chosen if first or may_have(c)]
        sources += self._streams.values()
        return sources

    def _look_into(self, there: Sequence[Place], known: Mapping[str, Known]) -> list[tuple[Place, Candidate]]:
        """The files that are not at rest, and those that begin as one of them does: they have to be compared."""
        present = {place.inode for place in there}
        looked: list[tuple[Place, Candidate]] = []
        resting: list[Place] = []
        for place in there:
            if self._memory.at_rest(place, known, present):
                resting.append(place)
            elif (candidate := self._candidate(place)) is not None:
                looked.append((place, candidate))
        stirring = {candidate.base for _, candidate in looked}
        for place in resting:
            remembered = self._memory.recall(place)
            if remembered and remembered.base in stirring and (candidate := self._candidate(place)) is not None:
                looked.append((place, candidate))
        return looked

    def _let_go(self, candidates: Sequence[Candidate]) -> None:
        """Close what was opened to look at it; some archives stay where they are, since going there again is work."""
        kept = 0
        for candidate in candidates:
            source = candidate.source
            if isinstance(source, PlainFile):
                source.close()
            elif kept < _ARCHIVES_OPEN and not source.ends_at(candidate.done):
                kept += 1
            else:
                source.close()

    def _places(self) -> tuple[list[Place], dict[Place, set[str]]]:
        """What was asked for, and what rotation made of it: with the ids of what it had made before we came."""
        found: dict[Inode, Place] = {}
        asked: list[Path] = []
        others = False
        for named in self._paths:
            if named == STDIN:
                self._open_stdin(found)
                continue
            empty = piped = True
            for place in places(named, self._say, wait=not self._final, skip=self._talk.skip):
                empty, piped = False, place.is_pipe
                if place.is_pipe:
                    self._open_pipe(place)
                    continue
                found.setdefault(place.inode, place)
                if place.named:
                    asked.append(place.path)
            others = others or empty or not piped
            if empty and not self._final and not Path(named).expanduser().is_dir():
                self._say(f"{named} does not exist yet; waiting for it")
                asked.append(Path(os.path.realpath(Path(named).expanduser())))
        self._only_streams = not (found or others)
        self._talk.skipped({place.path for place in found.values()})
        rotated = {place: seen for place, seen in self._rotated(asked).items() if place.inode not in found}
        return list(found.values()), rotated

    def _rotated(self, asked: Sequence[Path]) -> dict[Place, set[str]]:
        rotated: dict[Place, set[str]] = {}
        for family, there in siblings(asked).items():
            if family not in self._before:
                # What is there at the first look was rotated before we came, and was not asked for.
                self._before[family] = {c.base for place in there if (c := self._candidate(place)) is not None}
            rotated |= dict.fromkeys(there, self._before[family])
        return rotated

    def _open_stdin(self, found: dict[Inode, Place]) -> None:
        fd = sys.stdin.fileno()
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and os.lseek(fd, 0, os.SEEK_CUR) == 0:
            path = Path(os.path.realpath(f"/dev/fd/{fd}"))
            try:
                same = path.stat().st_ino == status.st_ino
            except OSError:
                same = False  # deleted, or no such folder here: read it as a stream
            if same:
                found.setdefault((status.st_dev, status.st_ino), Place(path, status, named=True))
                return
        if STDIN not in self._streams:
            self._streams[STDIN] = self._stream(fd, "stdin")

    def _open_pipe(self, place: Place) -> None:
        name = str(place.path)
        if name not in self._streams:
            self._streams[name] = self._stream(os.open(place.path, os.O_RDONLY | os.O_CLOEXEC), name)

    def _stream(self, fd: int, path: str) -> Stream:
        stream = Stream(fd, path, self._manner)
        # Nothing tells whether a pipe gives what another gave before: each is an input of its own.
        stream.id = f"{'stdin' if path == 'stdin' else 'pipe'}-{uuid.uuid4()}"
        return stream

    def _candidate(self, place: Place) -> Candidate | None:
        try:
            return self._identify(place)
        except FileNotFoundError:
            return None  # rotated or removed since it was found: the next look finds what became of it
        except OSError as error:
            self._say(f"{place.path}: {error.strerror or error}; skipped")
            return None

    def _identify(self, place: Place) -> Candidate | None:
        remembered = self._memory.recall(place)
        if remembered and remembered.archive:
            remembered.archive.settle()
            remembered.base = remembered.base or self._fingerprint(place, remembered.archive, b"") or ""
            return Candidate(remembered.archive, remembered.base) if remembered.base else None
        file = OpenFile(place.path, place.status)
        try:
            head = file.read(HEAD_BYTES, 0)
            source = self._source(file, head)
            base = names.spool_id(place.path.name) or self._fingerprint(place, source, head) or ""
        finally:
            file.close()
        self._memory.keep(place, Remembered(base, source if isinstance(source, Archive) else None))
        return Candidate(source, base) if base else None

    def _source(self, file: OpenFile, head: bytes) -> Seekable:
        kind = inflate.kind_of(head)
        spool = names.spool_id(file.path.name)
        if kind:
            return Archive(file, kind, self._manner, removable=spool is not None)
        return (SpoolFile if spool else PlainFile)(file, self._manner)

    def _fingerprint(self, place: Place, source: Seekable, head: bytes) -> str | None:
        whole = self._final
        if isinstance(source, Archive):
            head, ended = source.head(HEAD_BYTES)
            whole = whole or ended
        if not source.problem and (why := refusal(place.path.name, head)):
            command = names.unpacking(place.path.name) if "compressed" in why else None
            source.refuse(f"{why}, {command}" if command else why)
        if not head and not source.problem:
            return None  # nothing to read, and nothing to tell it by
        line = identity.first_line(head, whole=whole or source.problem is not None)
        return line if line is None else identity.file_id(str(place.path.parent), names.family(place.path.name), line)
