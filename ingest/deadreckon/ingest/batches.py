"""Batches: chunks of many inputs that are committed together, full ones or those that have waited long enough."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from deltalake import DeltaTable

from deadreckon.core.errors import DamagedLakeError
from deadreckon.core.lake import Lake
from deadreckon.core.settings import IngestSettings
from deadreckon.ingest import rejects
from deadreckon.ingest.lines import Piece, parts
from deadreckon.ingest.offsets import Offsets
from deadreckon.ingest.sources import Chunk, Known, Source, StoppedError

MAX_SOURCES: Final = 4096
"""Inputs in one commit, at most: each is a transaction identifier in the log."""

MAX_LINES: Final = 200_000
"""Lines from which on a batch is enough: what each refused one needs in memory does not depend on its length."""


@dataclass(slots=True)
class Batch:
    """Chunks to commit together, with how far each input is read by them."""

    pieces: list[Piece] = field(default_factory=list)
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    rejects: list[rejects.Reject] = field(default_factory=list)
    repaired: list[tuple[str, str, int]] = field(default_factory=list)
    """Damage that is there no more: quarantine id, source and offset."""
    tails: dict[str, str] = field(default_factory=dict)
    size: int = 0
    lines: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, source: Source, chunk: Chunk, count: int) -> None:
        """More lines of an input, which go on where the last ones ended."""
        self.reach(source, chunk.start, chunk.end)
        self.pieces.append(Piece(source.id, chunk))
        self.size += len(chunk.data)
        self.lines += count

    def reach(self, source: Source, start: int, end: int) -> None:
        """The input is read up to `end`."""
        first = self.ranges.get(source.id, (start, start))[0]
        self.ranges[source.id] = (first, end)
        self.sources[source.id] = source
        self.tails[source.id] = source.tail_hash(end)


@dataclass(slots=True)
class Batcher:
    """Reads inputs from where the lake says that each was read to.

    `final`: a pipe is read to its end, however long that takes, and what it gave is committed meanwhile; else it has
    its turn as the others have theirs. `problems`: the quarantine ids of damage that was reported, which grow.
    """

    lake: Lake
    settings: IngestSettings
    table: DeltaTable
    known: Mapping[str, Known]
    problems: set[str]
    clean: Callable[[bytes], bytes]
    stopped: Callable[[], bool]
    final: bool
    unfinished: bool = False
    """Whether a pipe had more to give when its turn was over."""
    _batch: Batch = field(default_factory=Batch)

    def batches(self, sources: Sequence[Source]) -> Iterator[Batch]:
        """Whole lines of all inputs, a batch at a time; when all is to stop, what is in hand."""
        offsets = Offsets(self.table, self.lake.table_path())
        for source in sources:
            if self.stopped():
                break
            yield from self._of(source, offsets.of(source.id))
            source.close()  # there may be more inputs than a process may have open
            if len(self._batch.ranges) >= MAX_SOURCES:
                yield self._taken()
        if self._batch.ranges:
            yield self._taken()

    def _of(self, source: Source, offset: int) -> Iterator[Batch]:
        limit = self.settings.batch_bytes
        self._not_behind(source, offset)
        turn = time.monotonic()
        while (chunk := self._read(source, offset, limit - self._batch.size)) is not None or self._awaited(source):
            for part, count in parts(chunk, MAX_LINES) if chunk else ():
                self._add(source, part, count)
                if self._batch.size >= limit - 4096 or self._batch.lines >= MAX_LINES:
                    yield self._taken()
                    if self.stopped():
                        return
                offset = part.end
            if not source.live:
                continue
            if self._batch.ranges and self._passed(self._batch.since):
                yield self._taken()
            if not self.final and self._passed(turn):
                self.unfinished = True
                break
        self._note_problem(source, offset)

    def _read(self, source: Source, offset: int, size: int) -> Chunk | None:
        try:
            return source.read(offset, size)
        except StoppedError:
            return None

    def _awaited(self, source: Source) -> bool:
        return self.final and source.live and not self.stopped()

    def _passed(self, since: float) -> bool:
        return time.monotonic() - since >= self.settings.follow_interval_s

    def _taken(self) -> Batch:
        batch, self._batch = self._batch, Batch()
        return batch

    def _not_behind(self, source: Source, offset: int) -> None:
        """Lines whose ids come from their place would be there twice if a lost offset let them be read again."""
        known = self.known.get(source.id)
        if known is not None and known.end_offset > offset:
            raise DamagedLakeError(
                f"{source.path} was read to byte {known.end_offset}, but its offset says {offset}",
                hint=f"reckon doctor --lake {self.lake.root} --repair sets it again",
            )

    def _add(self, source: Source, chunk: Chunk, count: int) -> None:
        if not self._batch.ranges:
            self._batch.since = time.monotonic()
        self._batch.add(source, chunk, count)
        for found in chunk.oversize:
            place = (source.id, found.offset, found.length, found.sha256)
            head = self.clean(found.head)
            self._batch.rejects.append(rejects.oversize(*place, head=head, limit=self.settings.max_line_bytes))

    def _note_problem(self, source: Source, offset: int) -> None:
        place = rejects.damage_id(source.id, offset)
        if source.problem is None:
            self._note_repair(source, offset)
        if source.problem is None or place in self.problems:
            return
        self.problems.add(place)
        self._batch.reach(source, offset, offset)
        self._batch.rejects.append(rejects.reject(source.id, offset, b"", rejects.DAMAGED, source.problem))

    def _note_repair(self, source: Source, offset: int) -> None:
        """Damage that was reported, and beyond which the input could be read."""
        for place in [place for place in self.problems if place.startswith(f"{source.id}:")]:
            damaged = int(place.split(":")[-2])
            if offset > damaged or source.complete:
                self.problems.remove(place)
                self._batch.reach(source, offset, offset)
                self._batch.repaired.append((place, source.id, damaged))
