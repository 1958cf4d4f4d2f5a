"""What ingest does with sources, without a lake: remembers how far each input was read, and which lines it gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deadreckon.ingest.sources import Known, Oversize, Source, Watcher


@dataclass
class Reader:
    """Reads all that is new at each look; `lines` is everything it was ever given, in order."""

    paths: Sequence[str | Path]
    known: dict[str, Known] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)
    oversize: list[Oversize] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    max_line_bytes: int = 1 << 16
    max_bytes: int = 1 << 16
    final: bool = True
    watcher: Watcher | None = None
    commit: bool = True

    def watching(self) -> Reader:
        """Keep one watcher for all looks, as following does."""
        self.watcher = Watcher(self.paths, max_line_bytes=self.max_line_bytes, warn=self.said.append, final=self.final)
        return self

    def look(self) -> list[bytes]:
        """The lines that are new now; a watcher that is kept stays what it was, else each look is a new process."""
        watcher = self.watcher or Watcher(
            self.paths, max_line_bytes=self.max_line_bytes, warn=self.said.append, final=self.final
        )
        new: list[bytes] = []
        for source in watcher.discover(dict(self.known)):
            new += self._drain(source)
        self.lines += new
        return new

    def _drain(self, source: Source) -> list[bytes]:
        new: list[bytes] = []
        assert source.id
        offset = self.known[source.id].end_offset if source.id in self.known else 0
        while (chunk := source.read(offset, self.max_bytes)) is not None or (self.final and source.live):
            if chunk is None:
                continue
            data = bytes(chunk.data)
            assert chunk.start == offset
            assert chunk.end > chunk.start
            assert not (data and chunk.oversize)
            assert data.endswith(b"\n") or chunk.oversize or source.read(chunk.end, 10) is None
            new += [line + b"\n" for line in data.split(b"\n")[:-1]]
            new += [last] if (last := data.rpartition(b"\n")[2]) else []
            self.oversize += chunk.oversize
            offset = chunk.end
            if self.commit:
                self.known[source.id] = Known(offset, source.tail_hash(offset))
                source.committed(offset)
        if source.problem:
            self.problems.append(source.problem)
        if self.commit:
            source.release()
        source.close()
        return new

    def times(self) -> Counter[bytes]:
        """How often each line was given."""
        return Counter(self.lines)


def lines(*names: object) -> bytes:
    """A line of JSON for each name."""
    return b"".join(b'{"event":"%s"}\n' % str(name).encode() for name in names)
