"""Whatever rotation, copying and compression do between looks: each line is given, and given once."""

from __future__ import annotations

import gzip
import shutil
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import zstandard
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from tests.ingest.sources.ledger import Reader

from deadreckon.ingest.sources import Known, Watcher

BANNER = b'{"event":"started"}\n'


class Rotation(RuleBasedStateMachine):
    """A log that is written, rotated in every way, and read by a follower and by processes that die."""

    @initialize(banner=st.booleans(), named=st.booleans())
    def begin(self, banner: bool, named: bool) -> None:
        """An empty folder; all logs begin with the same line, or not."""
        self.folder = Path(mkdtemp(prefix="rotation-"))
        self.log = self.folder / "app.log"
        self.banner = BANNER if banner else b""
        self.numbers = count()
        self.written: set[bytes] = set()
        self.waiting = b""
        self.reader = Reader([self.log if named else self.folder], final=False).watching()
        self.new_file()
        self.write(2)
        self.look()

    def new_file(self) -> None:
        """What a logger does after rotation."""
        self.log.write_bytes(self.banner)

    @rule(lines=st.integers(1, 5), size=st.sampled_from([1, 60, 400]))
    def write(self, lines: int, size: int = 1) -> None:
        """Whole lines, each unlike any other; the first ends a torn one."""
        for _ in range(lines):
            rest = b'%d","x":"%s"}\n' % (next(self.numbers), b"y" * size)
            line = (self.waiting or b'{"event":"') + rest
            with self.log.open("ab") as file:
                file.write(line if not self.waiting else rest)
            self.waiting = b""
            self.written.add(line)

    @precondition(lambda self: not self.waiting)
    @rule()
    def tear(self) -> None:
        """The beginning of a line."""
        self.waiting = b'{"event":"'
        with self.log.open("ab") as file:
            file.write(self.waiting)

    @precondition(lambda self: not self.waiting)
    @rule()
    def rename(self) -> None:
        """Rotation by rename: app.log.1 becomes app.log.2 and so on, compressed or not."""
        self.shift()
        self.log.rename(self.folder / "app.log.1")
        self.new_file()

    @precondition(lambda self: not self.waiting)
    @rule()
    def copytruncate(self) -> None:
        """Rotation by copy, then the log is cut to nothing and written from the beginning."""
        self.shift()
        shutil.copy(self.log, self.folder / "app.log.1")
        self.new_file()

    @precondition(lambda self: not self.waiting)
    @rule(ways=st.lists(st.sampled_from(["rename", "copytruncate", "compress"]), min_size=2, max_size=4))
    def burst(self, ways: list[str]) -> None:
        """The log fills up and rotates several times between two looks."""
        for way in ways:
            self.write(1)
            if way == "compress":
                self.compress(1, zstd=False)
            else:
                getattr(self, way)()

    def shift(self) -> None:
        """Make room for app.log.1."""
        for number in range(len(list(self.folder.iterdir())), 0, -1):
            for ending in ("", ".gz", ".zst"):
                old = self.folder / f"app.log.{number}{ending}"
                if old.exists():
                    old.rename(self.folder / f"app.log.{number + 1}{ending}")

    @rule(number=st.integers(1, 4), zstd=st.booleans())
    def compress(self, number: int, zstd: bool) -> None:
        """A rotated log is compressed: another file, then the old one goes."""
        old = self.folder / f"app.log.{number}"
        if old.exists():
            pack, ending = (zstandard.compress, ".zst") if zstd else (gzip.compress, ".gz")
            old.with_name(old.name + ending).write_bytes(pack(old.read_bytes()))
            old.unlink()

    @rule(number=st.integers(1, 4), share=st.floats(0.1, 1.0))
    def copy_in_progress(self, number: int, share: float) -> None:
        """Someone copies or compresses a log: a beginning of it lies beside it for a look."""
        old = self.folder / f"app.log.{number}"
        if old.exists():
            data = old.read_bytes()
            part = old.with_name(old.name + ".bak")
            part.write_bytes(data[: int(len(data) * share)])
            self.look()
            part.unlink()

    @rule()
    def look(self) -> None:
        """The follower looks."""
        self.reader.look()

    @rule()
    def die(self) -> None:
        """A process reads and dies before its commit; the next one begins with what the ledger knows."""
        lost = Reader(self.reader.paths, known=self.reader.known, final=False, commit=False)
        lost.look()
        if self.reader.paths == [self.folder]:
            self.reader.watching()

    @precondition(lambda self: not self.waiting)
    @rule(way=st.sampled_from(["write", "rename", "copytruncate", "look"]), first=st.booleans())
    def race(self, way: str, first: bool) -> None:
        """Two ingesters: one looks, the log changes, the other reads and commits, then the first tries to."""
        slow = Watcher(self.reader.paths, max_line_bytes=1 << 16, warn=lambda _: None, final=False)
        known = dict(self.reader.known)
        sources = slow.discover(known)
        if first:
            self.look()
        if way == "write":
            self.write(2)
        else:
            getattr(self, way)()
        self.look()
        for source in sources:
            offset = start = known[source.id].end_offset if source.id in known else 0
            new: list[bytes] = []
            while (chunk := source.read(offset, 1 << 20)) is not None:
                new += bytes(chunk.data).splitlines(keepends=True)
                offset = chunk.end
            now = self.reader.known.get(source.id, Known(0, ""))
            if offset > start == now.end_offset:  # as the lake does: a commit is refused when the offset has moved
                self.reader.known[source.id] = Known(offset, source.tail_hash(offset))
                self.reader.lines += new
            source.close()

    def teardown(self) -> None:
        """In the end all is read."""
        if self.waiting:
            self.write(1)
        self.look()
        times = self.reader.times()
        times.pop(BANNER, None)
        shutil.rmtree(self.folder)
        assert {line for line, n in times.items() if n > 1} == set(), "given twice"
        assert self.written - set(times) == set(), "lost"
        assert set(times) - self.written == set(), "invented"


TestNothingIsLost = Rotation.TestCase
TestNothingIsLost.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
