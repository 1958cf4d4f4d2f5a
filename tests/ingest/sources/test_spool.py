"""The emitters' spool: who is still writing, what may be taken, and when a file may go."""

from __future__ import annotations

import fcntl
import gzip
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.ingest.sources.ledger import Reader, lines

from deadreckon.ingest.sources import discover

TORN = b'{"event":"to'


@pytest.fixture
def name() -> str:
    """The id of a spool file."""
    return str(uuid.uuid4())


@pytest.fixture
def writer(tmp_path: Path, name: str) -> Iterator[int]:
    """A descriptor that holds the lock of an active spool file."""
    fd = os.open(tmp_path / f"{name}.jsonl", os.O_RDWR | os.O_APPEND | os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    yield fd
    os.close(fd)


def test_an_active_file_gives_whole_lines_and_stays(tmp_path: Path, name: str, writer: int) -> None:
    """While the writer lives, its last line waits, and its file is never removed."""
    reader = Reader([tmp_path])
    os.write(writer, lines(1) + TORN)
    assert reader.look() == [lines(1)]
    assert list(reader.known) == [name]
    assert (tmp_path / f"{name}.jsonl").exists()
    os.write(writer, b'rn"}\n')
    assert reader.look() == [lines("torn")]
    assert (tmp_path / f"{name}.jsonl").exists()


def test_looking_does_not_lock_the_writer_out(tmp_path: Path, name: str) -> None:
    """The question whether a writer lives leaves no lock behind, and two who ask at once do not disturb each other."""
    path = tmp_path / f"{name}.jsonl"
    path.write_bytes(lines(1))
    first = discover([tmp_path], {}, max_line_bytes=1024, warn=lambda _: None)
    second = discover([tmp_path], {}, max_line_bytes=1024, warn=lambda _: None)
    assert [s.complete for s in (*first, *second)] == [True, True]
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_sealed_file_is_gone_on_with_and_removed_when_it_is_consumed(tmp_path: Path, name: str, writer: int) -> None:
    """Sealing keeps the id; the file goes only when all of it was committed."""
    reader = Reader([tmp_path])
    os.write(writer, lines(1))
    reader.look()
    os.write(writer, lines(2))
    sealed = (tmp_path / f"{name}.jsonl").rename(tmp_path / f"{name}.sealed.jsonl")
    reader.commit = False
    assert reader.look() == [lines(2)]
    assert sealed.exists()
    reader.commit = True
    assert reader.look() == [lines(2)]
    assert not sealed.exists()


def test_a_sealed_file_whose_removal_was_missed_is_removed_later(tmp_path: Path, name: str) -> None:
    """A crash between commit and removal leaves a file that holds nothing new: it goes at the next look."""
    sealed = tmp_path / f"{name}.sealed.jsonl"
    sealed.write_bytes(lines(1))
    reader = Reader([tmp_path])
    reader.look()
    sealed.write_bytes(lines(1))
    assert reader.look() == []
    assert not sealed.exists()


def test_a_dead_writers_file_is_taken_to_its_torn_end_and_removed(tmp_path: Path, name: str, writer: int) -> None:
    """A writer that was killed cannot finish its last line: it is taken as it is, for the quarantine."""
    reader = Reader([tmp_path])
    os.write(writer, lines(1) + TORN)
    assert reader.look() == [lines(1)]
    fcntl.flock(writer, fcntl.LOCK_UN)
    assert reader.look() == [TORN]
    assert not (tmp_path / f"{name}.jsonl").exists()


def test_an_empty_file_may_be_of_a_writer_that_has_just_begun(tmp_path: Path, name: str) -> None:
    """An unlocked, empty file is left alone while it is young, and removed when it is old."""
    path = tmp_path / f"{name}.jsonl"
    path.touch()
    reader = Reader([tmp_path])
    assert reader.look() == []
    assert path.exists()
    os.utime(path, (1, 1))
    assert reader.look() == []
    assert not path.exists()


def test_a_file_that_grew_after_it_was_read_is_not_removed(tmp_path: Path, name: str) -> None:
    """Only the very bytes that were read may go."""
    sealed = tmp_path / f"{name}.sealed.jsonl"
    sealed.write_bytes(lines(1))
    (source,) = discover([tmp_path], {}, max_line_bytes=1024, warn=lambda _: None)
    assert source.read(0, 1024) is not None
    with sealed.open("ab") as file:
        file.write(lines(2))
    source.release()
    assert sealed.read_bytes() == lines(1, 2)
    source.close()


def test_a_file_that_was_replaced_is_not_removed(tmp_path: Path, name: str) -> None:
    """Another file of the same name and length stays."""
    sealed = tmp_path / f"{name}.sealed.jsonl"
    sealed.write_bytes(lines(1))
    (source,) = discover([tmp_path], {}, max_line_bytes=1024, warn=lambda _: None)
    assert source.read(0, 1024) is not None
    sealed.with_suffix(".tmp").write_bytes(lines(2))
    sealed.with_suffix(".tmp").rename(sealed)
    source.release()
    assert sealed.read_bytes() == lines(2)
    source.close()


def test_a_spool_file_that_someone_compressed_keeps_its_id(tmp_path: Path, name: str) -> None:
    """Compressed spool is gone on with and removed like any other."""
    reader = Reader([tmp_path])
    (tmp_path / f"{name}.jsonl").write_bytes(lines(1))
    reader.commit = False
    reader.look()
    reader.commit = True
    (tmp_path / f"{name}.jsonl").unlink()
    packed = tmp_path / f"{name}.sealed.jsonl.gz"
    packed.write_bytes(gzip.compress(lines(1, 2)))
    assert reader.look() == [lines(1), lines(2)]
    assert list(reader.known) == [name]
    assert not packed.exists()


def test_a_file_with_a_known_name_and_other_content_is_another_input(tmp_path: Path, name: str) -> None:
    """An id that comes back with different bytes, as from a restored image, is not taken for consumed."""
    reader = Reader([tmp_path])
    (tmp_path / f"{name}.sealed.jsonl").write_bytes(lines(1, 2))
    reader.look()
    (tmp_path / f"{name}.sealed.jsonl").write_bytes(lines("x", "y"))
    assert reader.look() == [lines("x"), lines("y")]


def test_hidden_files_are_not_read(tmp_path: Path, name: str) -> None:
    """A spool file has its name only when its writer holds its lock; until then it is hidden."""
    (tmp_path / f".{name}.new").write_bytes(lines(1))
    assert Reader([tmp_path]).look() == []


def test_a_writers_file_sealed_between_look_and_read_is_found(tmp_path: Path, name: str, writer: int) -> None:
    """The rename that seals a file does not hide it from a reader that is about to open it."""
    os.write(writer, lines(1))
    (source,) = discover([tmp_path], {}, max_line_bytes=1024, warn=lambda _: None)
    (tmp_path / f"{name}.jsonl").rename(tmp_path / f"{name}.sealed.jsonl")
    chunk = source.read(0, 1024)
    assert chunk is not None
    assert bytes(chunk.data) == lines(1)
    source.close()
