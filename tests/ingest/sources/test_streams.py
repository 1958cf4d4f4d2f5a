"""Pipes: read once, as they come, and kept until they are committed."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ingest.sources.ledger import Reader, lines

from deadreckon.core.errors import SourceError
from deadreckon.ingest.sources import Chunk, Source, StoppedError, Watcher

PROGRAM = """
import sys
from deadreckon.ingest.sources import Known, Watcher
watcher = Watcher(["-"], max_line_bytes=1 << 20, warn=lambda m: print("WARN", m, file=sys.stderr), final=True)
for source in watcher.discover({}):
    offset = 0
    while (chunk := source.read(offset, 1 << 20)) is not None or source.live:
        if chunk is None:
            continue
        sys.stdout.buffer.write(bytes(chunk.data))
        offset = chunk.end
        source.committed(offset)
    print(source.id.partition("-")[0], source.complete, source.problem, file=sys.stderr)
"""


def through_stdin(data: bytes | None, stdin: Path | None = None) -> tuple[bytes, str]:
    """What a process reads from its standard input: a pipe, or a file."""
    root = Path(__file__).parents[3]
    path = os.pathsep.join(str(root / room) for room in ("core", "ingest"))
    if stdin is not None:
        command = ["sh", "-c", 'exec "$0" -c "$1" < "$2"', sys.executable, PROGRAM, str(stdin)]
    else:
        command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, input=data, capture_output=True, check=True, env=os.environ | {"PYTHONPATH": path})
    return done.stdout, done.stderr.decode()


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A named pipe and its writing end."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writing = os.open(path, os.O_WRONLY)
    os.close(reading)
    yield path, writing
    try:
        os.close(writing)
    except OSError:
        pass  # the test closed it


def source_of(path: Path, *, final: bool) -> tuple[Watcher, Source]:
    """The source of a pipe."""
    watcher = Watcher([path], max_line_bytes=1 << 16, warn=lambda _: None, final=final)
    holder: list[Source] = []
    opener = threading.Thread(target=lambda: holder.extend(watcher.discover({})))
    opener.start()
    keeper = os.open(path, os.O_WRONLY)
    opener.join()
    os.close(keeper)
    return watcher, holder[0]


def awaited(source: Source, offset: int, size: int = 1 << 20) -> Chunk:
    """The next lines of a pipe that will have some."""
    while (chunk := source.read(offset, size)) is None:
        assert source.live
    return chunk


def given(source: Source, offset: int, size: int) -> bytes:
    """All that a pipe gives from an offset to its end."""
    data = b""
    while (chunk := source.read(offset + len(data), size)) is not None or source.live:
        data += bytes(chunk.data) if chunk else b""
    return data


def test_stdin_is_read_to_its_end() -> None:
    """All lines of a pipe come, the last one without newline too."""
    data = lines(*range(100_000)) + b"last"
    out, said = through_stdin(data)
    assert out == data
    assert said == "stdin True None\n"


def test_stdin_may_be_compressed() -> None:
    """`cat app.log.gz | reckon ingest -` works; a truncated stream is a problem."""
    data = lines(*range(1000))
    assert through_stdin(gzip.compress(data))[0] == data
    out, said = through_stdin(gzip.compress(data)[:-200])
    assert data.startswith(out)
    assert "truncated gzip" in said


def test_an_empty_stdin_is_no_fault() -> None:
    """Nothing in, nothing out."""
    assert through_stdin(b"") == (b"", "stdin True None\n")


def test_stdin_from_a_file_is_that_file(tmp_path: Path) -> None:
    """`reckon ingest - < app.log` has the identity of app.log, so that a second time reads nothing twice."""
    (tmp_path / "app.log").write_bytes(lines(1))
    out, said = through_stdin(None, tmp_path / "app.log")
    assert out == lines(1)
    assert said.startswith("log ")


def test_whole_lines_come_while_the_writer_pauses(pipe: tuple[Path, int]) -> None:
    """Someone who logs slowly is not kept waiting until a whole batch is full."""
    path, writing = pipe
    _, source = source_of(path, final=True)
    os.write(writing, lines(1) + b'{"event":')
    chunk = awaited(source, 0)
    assert bytes(chunk.data) == lines(1)
    os.write(writing, b'"2"}\n')
    chunk = awaited(source, chunk.end)
    assert bytes(chunk.data) == lines(2)
    assert source.live
    assert not source.complete
    os.close(writing)
    while source.live:
        assert source.read(chunk.end, 1 << 20) is None
    assert source.complete


def test_following_does_not_wait_for_a_silent_writer(pipe: tuple[Path, int]) -> None:
    """With --follow other inputs get their turn: a read without a whole line returns."""
    path, writing = pipe
    watcher, source = source_of(path, final=False)
    assert source.read(0, 1 << 20) is None
    assert not source.complete
    os.write(writing, b'{"event":')
    assert source.read(0, 1 << 20) is None
    os.write(writing, b'"1"}\n')
    (same,) = watcher.discover({})
    assert same is source
    chunk = awaited(source, 0)
    assert bytes(chunk.data) == lines(1)


def test_what_is_not_committed_can_be_read_again(pipe: tuple[Path, int]) -> None:
    """After a commit conflict the same lines are given again; what was committed is forgotten."""
    path, writing = pipe
    _, source = source_of(path, final=True)
    data = lines(*range(1000))
    os.write(writing, data)
    os.close(writing)
    ends = [0]
    while len(ends) < 4:
        ends.append(awaited(source, ends[-1], 1000).end)
    hashes = [source.tail_hash(end) for end in ends]
    assert given(source, 0, len(data)) == data
    assert given(source, ends[1], 100) == data[ends[1] :]
    source.committed(ends[2])
    chunk = source.read(ends[2], 500)
    assert chunk is not None
    assert data[ends[2] :].startswith(bytes(chunk.data))
    middle = chunk.end
    assert ends[2] < middle < ends[3]
    assert source.tail_hash(middle) == hashlib.sha256(data[:middle]).hexdigest()
    assert [source.tail_hash(end) for end in ends] == hashes
    source.committed(ends[3])
    with pytest.raises(SourceError, match="cannot be read again from byte 0") as caught:
        source.read(0, 1000)
    assert "write the input to a file" in caught.value.hint


def test_a_pipe_is_a_new_input_each_time(pipe: tuple[Path, int]) -> None:
    """Nothing tells what a pipe gave before, so each has an id of its own."""
    path, writing = pipe
    ids = {source_of(path, final=False)[1].id for _ in range(2)}
    assert len(ids) == 2
    os.close(writing)


def test_process_substitution_works() -> None:
    """`reckon ingest <(zcat app.log.gz)`: a path that is a pipe."""
    reading, writing = os.pipe()
    os.write(writing, lines(1))
    os.close(writing)
    reader = Reader([f"/dev/fd/{reading}"])
    assert reader.look() == [lines(1)]
    os.close(reading)


def test_an_oversize_line_can_be_read_again(pipe: tuple[Path, int]) -> None:
    """What is not committed is given again over a line that was passed over in pieces, and is not kept itself."""
    path, writing = pipe
    _, source = source_of(path, final=True)
    parts = [lines(1), b"x" * 300_000 + b"\n", lines(2)]
    writer = threading.Thread(target=lambda: (os.writev(writing, parts), os.close(writing)))
    writer.start()
    rounds = []
    for _ in range(2):
        chunks, offset = [], 0
        while (chunk := source.read(offset, 1 << 20)) is not None or source.live:
            if chunk is not None:
                chunks.append((chunk.start, bytes(chunk.data), chunk.end, chunk.oversize))
                offset = chunk.end
        rounds.append(chunks)
    writer.join()
    assert rounds[0] == rounds[1]
    assert [data for _, data, _, _ in rounds[0]] == [lines(1), b"", lines(2)]


def test_a_writer_that_never_pauses_is_heard(pipe: tuple[Path, int]) -> None:
    """Lines are given although the next one is always there before one has waited for it."""
    path, writing = pipe
    _, source = source_of(path, final=False)
    ended = threading.Event()

    def write() -> None:
        while not ended.wait(0.05):
            os.write(writing, lines("more"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        awaited(source, 0, 1 << 30)
    finally:
        ended.set()
        writer.join()


def test_a_compressed_pipe_is_read_as_it_comes(pipe: tuple[Path, int]) -> None:
    """What a compressing writer flushed is given while it is silent."""
    path, writing = pipe
    _, source = source_of(path, final=True)
    packer = zlib.compressobj(wbits=31)
    os.write(writing, packer.compress(lines(*range(50_000))) + packer.flush(zlib.Z_SYNC_FLUSH))
    data = b""
    while len(data) < len(lines(*range(50_000))):
        data += bytes(awaited(source, len(data)).data)
    assert data == lines(*range(50_000))
    assert source.live


def test_waiting_in_the_middle_of_a_line_can_be_given_up(tmp_path: Path) -> None:
    """A run that is to end does not wait for the rest of a line that is being passed over."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)
    stopped = threading.Event()
    watcher = Watcher([path], max_line_bytes=1 << 10, warn=lambda _: None, final=True, stopped=stopped.is_set)
    (source,) = watcher.discover({})
    os.write(writing, b"x" * 5000)
    timer = threading.Timer(1, stopped.set)
    timer.start()
    with pytest.raises(StoppedError):
        awaited(source, 0)
    timer.join()
    os.close(writing)


def test_over_when_all_inputs_are_pipes_that_ended(pipe: tuple[Path, int], tmp_path: Path) -> None:
    """A watcher knows when nothing more can come; while a folder is watched too, something can."""
    path, writing = pipe
    watcher, source = source_of(path, final=False)
    os.write(writing, lines(1))
    awaited(source, 0)
    assert not watcher.over
    os.close(writing)
    while source.live:
        source.read(len(lines(1)), 1 << 20)
    assert watcher.over
    (tmp_path / "empty").mkdir()
    both = Watcher([tmp_path / "empty"], max_line_bytes=1 << 16, warn=lambda _: None)
    assert both.discover({}) == []
    assert not both.over
